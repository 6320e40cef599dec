# Writes a C++ source with the files of a folder as byte arrays, each also compressed by gzip.
# usage: cmake -DFOLDER=web -DOUTPUT=page_files.cc -DGZIP=/usr/bin/gzip -P embed.cmake
file(GLOB files LIST_DIRECTORIES false RELATIVE ${FOLDER} ${FOLDER}/*.html ${FOLDER}/*.css ${FOLDER}/*.js ${FOLDER}/*.svg ${FOLDER}/*.ico ${FOLDER}/*.txt)
list(SORT files)

# The bytes of a file as the elements of an array.
function(read_bytes path result)
  file(READ ${path} digits HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${digits}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  set(${result} "${bytes}" PARENT_SCOPE)
endfunction()

set(arrays "")
set(entries "")
set(number 0)
foreach(file ${files})
  read_bytes(${FOLDER}/${file} bytes)
  # Without name and time, equal files have equal bytes.
  execute_process(COMMAND ${GZIP} -9 -n -c ${FOLDER}/${file} OUTPUT_FILE ${OUTPUT}.gz COMMAND_ERROR_IS_FATAL ANY)
  read_bytes(${OUTPUT}.gz packed)
  string(APPEND arrays "constexpr std::uint8_t kBytes${number}[] = {\n${bytes}};\nconstexpr std::uint8_t kPacked${number}[] = {\n${packed}};\n")
  string(APPEND entries "    {\"${file}\", kBytes${number}, kPacked${number}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(REMOVE ${OUTPUT}.gz)
if(number EQUAL 0)
  message(FATAL_ERROR "embed.cmake: there are no files in ${FOLDER}")
endif()
file(WRITE ${OUTPUT}.new "// Made by cmake/embed.cmake of the files in web/.
#include \"serve/page.h\"

namespace lowrank::serve {

namespace {

${arrays}
constexpr EmbeddedFile kFiles[] = {
${entries}};

}  // namespace

std::span<const EmbeddedFile> embedded_files() { return kFiles; }

}  // namespace lowrank::serve
")
file(RENAME ${OUTPUT}.new ${OUTPUT})
