# Collects the comments above the members of the methods' options structs into a C++ source: the help texts of the options.
#   lowrank_option_help(SOURCE HEADER...)
function(lowrank_option_help source)
  set(rows "")
  foreach(header ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
    file(READ ${header} text)
    # Characters that a CMake list does not bear.
    string(REPLACE ";" "@semicolon@" text "${text}")
    string(REPLACE "[" "@open@" text "${text}")
    string(REPLACE "]" "@close@" text "${text}")
    string(REPLACE "\\" "@backslash@" text "${text}")
    string(REPLACE "\n" ";" lines "${text}")
    set(method "")
    set(comment "")
    foreach(line IN LISTS lines)
      if(line MATCHES "kName = \"([a-z_-]+)\"")
        set(method ${CMAKE_MATCH_1})
      elseif(line MATCHES "^  /// (.*)$")
        string(APPEND comment " ${CMAKE_MATCH_1}")
        continue()
      elseif(method AND comment AND line MATCHES "^  [A-Za-z0-9_:<>]+ ([a-z][a-z0-9_]*)( = [^@]*)?@semicolon@")
        set(option ${CMAKE_MATCH_1})
        string(REGEX REPLACE "^ (.)" "\\1" comment "${comment}")
        string(REGEX REPLACE "\\.$" "" comment "${comment}")
        string(SUBSTRING "${comment}" 0 1 first)
        string(SUBSTRING "${comment}" 1 -1 rest)
        string(TOLOWER "${first}" first)
        string(REPLACE "\"" "\\\"" comment "${first}${rest}")
        string(APPEND rows "    {\"${method}\", \"${option}\",\n     \"${comment}\"},\n")
      endif()
      set(comment "")
    endforeach()
  endforeach()
  string(REPLACE "@semicolon@" ";" rows "${rows}")
  string(REPLACE "@open@" "[" rows "${rows}")
  string(REPLACE "@close@" "]" rows "${rows}")
  string(REPLACE "@backslash@" "\\\\" rows "${rows}")
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT "#include \"train/option.h\"

namespace lowrank {

namespace {

constexpr OptionHelp kHelp[] = {
@rows@};

}  // namespace

std::span<const OptionHelp> option_help() { return kHelp; }

}  // namespace lowrank
")
endfunction()
