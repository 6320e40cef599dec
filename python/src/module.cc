#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <unistd.h>

#include <stdexcept>

#include "binding.h"
#include "data/text.h"
#include "lowrank/base/error.h"
#include "lowrank/version.h"

namespace lowrank::python {

namespace {

/// An option as Python has it: `clip=False` for `clip=false`, `solver="cg"` for `solver=cg`, and for a holdout, or weights, the argument
/// that states it.
std::string argument_of(std::string_view option) {
  if (option == "holdout" || option == "validation or holdout") return "validation";
  if (option == "weights") return "sample_weight";
  const std::size_t equals = option.find('=');
  if (equals == std::string_view::npos) return std::string(option);
  const std::string name(option.substr(0, equals + 1));
  const std::string value(option.substr(equals + 1));
  if (value == "true") return name + "True";
  if (value == "false") return name + "False";
  if (value == "auto") return name + "None";
  const bool is_number = value.find_first_not_of("0123456789+-.e") == std::string::npos;
  return name + (is_number ? value : '"' + value + '"');
}

/// The name of an argument without a value: `clip`.
std::string name_of_option(const std::string& option) {
  const std::string argument = argument_of(option);
  return argument.substr(0, argument.find('='));
}

/// The one place where the library's errors become exceptions: each has the name of its type.
void translate(const std::exception_ptr& thrown, void* /*unused*/) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    const nb::object type = nb::module_::import_("lowrank._errors").attr(std::string(name_of(error.kind())).c_str());
    // Names of files and ids in it must not give orders to the terminal that shows it.
    const auto* const option = dynamic_cast<const OptionError*>(&error);
    const std::string message = printable(error.message(argument_of));
    const nb::object exception = option == nullptr ? type(message) : type(message, name_of_option(option->option()));
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

/// Python ends a thread by an exception that may be neither swallowed nor passed on: such a thread waits here for the end of the program.
template <class Ask>
void ask_for_gil(const Ask& ask) {
  try {
    ask();
  } catch (...) {
    for (;;) pause();
  }
}

}  // namespace

WithoutGil::~WithoutGil() {
  ask_for_gil([this] { PyEval_RestoreThread(state_); });
}

WithGil::WithGil() {
  ask_for_gil([this] { state_ = PyGILState_Ensure(); });
}

std::string with_arguments(const std::string& text) { return Error(text).message(argument_of); }

void check_signals() {
  const WithGil gil;
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

}  // namespace lowrank::python

NB_MODULE(_core, module) {
  // At the end of the interpreter daemon threads may still hold objects.
  nanobind::set_leak_warnings(false);
  nanobind::register_exception_translator(lowrank::python::translate);
  module.doc() = "The compiled part of lowrank. Use the package `lowrank`; nothing here is promised to stay.";
  module.def(
      "version", [] { return lowrank::version(); }, "The library's version.");
  module.def(
      "simd_level", [] { return lowrank::simd_level(); }, "The instructions in use: scalar, sse4, avx2 or avx512.");
  module.def("error_names", &lowrank::python::error_names, "The names of all types of errors.");
  lowrank::python::bind_data(module);
  lowrank::python::bind_contexts(module);
  lowrank::python::bind_features(module);
  lowrank::python::bind_evaluate(module);
  lowrank::python::bind_model(module);
  lowrank::python::bind_recommender(module);
  lowrank::python::bind_search(module);
  lowrank::python::bind_splits(module);
  lowrank::python::bind_training(module);
  lowrank::python::bind_tuning(module);
}
