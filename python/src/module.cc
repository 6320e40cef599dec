#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include <stdexcept>

#include "binding.h"
#include "lowrank/base/error.h"
#include "lowrank/version.h"

namespace lowrank::python {

namespace {

/// The one place where the library's errors become exceptions: each has the name of its type.
void translate(const std::exception_ptr& thrown, void* /*unused*/) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    const nb::object type = nb::module_::import_("lowrank._errors").attr(std::string(name_of(error.kind())).c_str());
    const auto* const option = dynamic_cast<const OptionError*>(&error);
    const nb::object exception = option == nullptr ? type(error.what()) : type(error.what(), option->option());
    PyErr_SetObject(exception.type().ptr(), exception.ptr());
  } catch (const std::length_error&) {
    PyErr_NoMemory();
  }
}

nb::list error_names() {
  nb::list names;
  for (std::size_t kind = 0; kind < kErrorKinds; ++kind) names.append(name_of(static_cast<ErrorKind>(kind)));
  return names;
}

}  // namespace

void check_signals() {
  const nb::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

}  // namespace lowrank::python

NB_MODULE(_core, module) {
  nanobind::register_exception_translator(lowrank::python::translate);
  module.doc() = "The compiled part of lowrank. Use the package `lowrank`; nothing here is promised to stay.";
  module.def(
      "version", [] { return lowrank::version(); }, "The library's version.");
  module.def(
      "simd_level", [] { return lowrank::simd_level(); }, "The instructions in use: scalar, sse4, avx2 or avx512.");
  module.def("error_names", &lowrank::python::error_names, "The names of all types of errors.");
  lowrank::python::bind_data(module);
  lowrank::python::bind_model(module);
  lowrank::python::bind_training(module);
}
