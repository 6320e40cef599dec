#include <nanobind/stl/string_view.h>

#include <stdexcept>

#include "binding.h"
#include "lowrank/base/error.h"
#include "lowrank/version.h"

namespace lowrank::python {

namespace {

void raise(const char* type, const char* message) {
  const nb::object error = nb::module_::import_("lowrank._errors").attr(type)(nb::str(message));
  PyErr_SetObject(error.type().ptr(), error.ptr());
}

/// The one place where the library's errors become exceptions.
void translate(const std::exception_ptr& thrown, void* /*unused*/) {
  try {
    std::rethrow_exception(thrown);
  } catch (const OptionError& error) {
    const nb::object exception =
        nb::module_::import_("lowrank._errors").attr("option_error")(nb::str(error.what()), error.option().c_str());
    PyErr_SetObject(exception.type().ptr(), exception.ptr());
  } catch (const DataError& error) {
    raise("DataError", error.what());
  } catch (const FileError& error) {
    raise("FileError", error.what());
  } catch (const UnknownIdError& error) {
    raise("UnknownIdError", error.what());
  } catch (const ModelFileError& error) {
    raise("ModelFileError", error.what());
  } catch (const TrainingError& error) {
    raise("TrainingError", error.what());
  } catch (const Error& error) {
    raise("Error", error.what());
  } catch (const std::length_error&) {
    PyErr_NoMemory();
  }
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
  lowrank::python::bind_data(module);
  lowrank::python::bind_model(module);
  lowrank::python::bind_training(module);
}
