"""Names in C++ for names of the schema."""

import re

RESERVED = {"default", "delete", "namespace", "new", "operator", "private", "protected", "public",
            "register", "struct", "switch", "template", "this", "typename", "union", "version"}


def snake(name):
    name = name.replace("KRaft", "Kraft")
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def member(name):
    text = snake(name)
    return text + "_" if text in RESERVED - {"version"} else text


def json_key(name):
    return name[0].lower() + name[1:]


def constant(name):
    return "k" + name.replace("-", " ").title().replace(" ", "")
