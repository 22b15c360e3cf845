// Pieces of text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace semel {

/// `text` cut at each `separator`; empty pieces are kept, so there is always at least one.
std::vector<std::string> split_text(std::string_view text, char separator);
/// The elements of a list as settings have it ("a, b,c"): blanks around them are taken off, empty
/// ones left out.
std::vector<std::string> split_list(std::string_view text, char separator);

}  // namespace semel
