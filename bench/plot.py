"""Plain SVG: horizontal bars on a logarithmic axis, in groups."""
import math

COLOURS = {"Kafka": "#c2410c", "semel": "#1d4ed8", "semel default": "#1d4ed8", "floor": "#9ca3af",
           "floor flush": "#9ca3af"}
BAR, GAP, LEFT, WIDTH = 16, 14, 430, 380


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def bars(title, unit, groups):
    """groups: [(label, [(peer, value)])]; values above 0, in `unit`."""
    values = [value for _, rows in groups for _, value in rows if value > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)
    high = max(high, low + 1)

    def x(value):
        return LEFT + WIDTH * (math.log10(max(value, 10.0 ** low)) - low) / (high - low)

    body, y = [], 56
    for label, rows in groups:
        body.append(f'<text x="{LEFT - 10}" y="{y + BAR * len(rows) / 2 + 4}" text-anchor="end">{escape(label)}</text>')
        for peer, value in rows:
            body.append(f'<rect x="{LEFT}" y="{y}" width="{max(x(value) - LEFT, 1):.1f}" height="{BAR - 3}" '
                        f'fill="{COLOURS.get(peer, "#6b7280")}"/>')
            body.append(f'<text x="{x(value) + 5:.1f}" y="{y + BAR - 6}" class="v">{value:.3g} {escape(peer)}</text>')
            y += BAR
        y += GAP
    axis = []
    for power in range(low, high + 1):
        at = x(10.0 ** power)
        axis.append(f'<line x1="{at:.1f}" y1="48" x2="{at:.1f}" y2="{y}" stroke="#e5e7eb"/>')
        axis.append(f'<text x="{at:.1f}" y="42" text-anchor="middle" class="v">{10.0 ** power:g}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 160}" height="{y + 10}" '
            f'viewBox="0 0 {LEFT + WIDTH + 160} {y + 10}" font-family="sans-serif" font-size="12">\n'
            '<style>.v{font-size:10px;fill:#374151}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n'
            f'<text x="12" y="20" font-size="14" font-weight="bold">{escape(title)} ({escape(unit)}, logarithmic)</text>\n'
            + "\n".join(axis + body) + "\n</svg>\n")
