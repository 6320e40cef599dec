#pragma once

#include <string>
#include <string_view>

namespace lowrank {

/// Refuses a file of a format that is not read, and names it. \param head  first bytes of the file. \param use  advice that the name of an
/// encoding ends; empty where no encoding can be stated. \throws DataError
void refuse_foreign(std::string_view head, const std::string& name, const std::string& use = {});

}  // namespace lowrank
