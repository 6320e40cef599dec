#include <string>

#include "lowrank/version.h"
#include "serve/routes.h"

namespace lowrank::serve {

namespace {

/// Texts without control characters.
constexpr const char* kNoControl = "^[^\\u0000-\\u001f\\u007f]*$";

Json reference_to(const std::string& schema) { return {{"$ref", "#/components/schemas/" + schema}}; }

Json schema_of_parameter(const Parameter& parameter) {
  Json schema;
  switch (parameter.kind) {
    case ParameterKind::id:
      schema = {{"type", "string"}, {"minLength", 1}, {"maxLength", 512}, {"pattern", kNoControl}};
      break;
    case ParameterKind::text:
      schema = {{"type", "string"}, {"maxLength", 512}, {"pattern", *parameter.pattern == '\0' ? kNoControl : parameter.pattern}};
      if (*parameter.names != '\0') {
        schema = {{"type", "string"}, {"enum", Json::array()}};
        std::string_view names = parameter.names;
        while (true) {
          const std::size_t end = std::min(names.find('|'), names.size());
          schema["enum"].push_back(std::string(names.substr(0, end)));
          if (end == names.size()) break;
          names.remove_prefix(end + 1);
        }
      }
      break;
    case ParameterKind::integer:
      schema = {{"type", "integer"}, {"minimum", parameter.least}, {"maximum", parameter.most}};
      if (*parameter.otherwise != '\0') schema["default"] = std::stoll(parameter.otherwise);
      break;
    case ParameterKind::boolean:
      schema = {{"type", "boolean"}};
      if (*parameter.otherwise != '\0') schema["default"] = std::string_view(parameter.otherwise) == "true";
      break;
  }
  if (parameter.kind == ParameterKind::text && *parameter.otherwise != '\0') schema["default"] = parameter.otherwise;
  if (parameter.repeats) return {{"type", "array"}, {"items", schema}};
  return schema;
}

Json content_of(const Answer& answer) {
  const std::string schema = answer.schema;
  if (schema.find('/') != std::string::npos) {
    Json content = Json::object();
    for (std::size_t at = 0; at < schema.size();) {
      const std::size_t end = std::min(schema.find('|', at), schema.size());
      content[schema.substr(at, end - at)] = {{"schema", {{"type", "string"}}}};
      at = end + 1;
    }
    return content;
  }
  const char* const type = schema == "Problem" ? "application/problem+json" : "application/json";
  return {{type, {{"schema", reference_to(schema)}}}};
}

Json operation_of(const Route& route) {
  Json operation{{"operationId", route.name}, {"summary", route.help}, {"responses", Json::object()}};
  Json parameters = Json::array();
  for (const Parameter& parameter : route.parameters) {
    const bool in_path = std::string(route.path).find('{' + std::string(parameter.name) + '}') != std::string::npos;
    Json own{{"name", parameter.name},
             {"in", in_path ? "path" : "query"},
             {"description", parameter.help},
             {"schema", schema_of_parameter(parameter)}};
    if (in_path) own["required"] = true;
    parameters.push_back(std::move(own));
  }
  if (!parameters.empty()) operation["parameters"] = std::move(parameters);
  if (route.body == BodyKind::json) {
    operation["requestBody"] = {{"required", true}, {"content", {{"application/json", {{"schema", reference_to(route.schema)}}}}}};
  } else if (route.body == BodyKind::bulk) {
    operation["requestBody"] = {
        {"required", true},
        {"content",
         {{"application/json", {{"schema", {{"type", "array"}, {"items", reference_to(route.schema)}}}}},
          {"application/x-ndjson", {{"schema", {{"type", "string"}, {"description", "one object per line, as an entry of the array"}}}}}}}};
  }
  for (const Answer& answer : route.answers) {
    Json& own = operation["responses"][std::to_string(answer.status)];
    own["description"] = answer.help;
    if (*answer.schema != '\0') own["content"] = content_of(answer);
  }
  // Statuses that every route may answer with.
  const auto problem = [&](const char* status, const char* help) {
    if (operation["responses"].contains(status)) return;
    operation["responses"][status] = {{"description", help},
                                      {"content", {{"application/problem+json", {{"schema", reference_to("Problem")}}}}}};
  };
  problem("400", "a parameter or the body is wrong");
  if (route.scope != Scope::open) {
    problem("401", "the key is missing or wrong");
    problem("403", "the key is for less, the origin is foreign, or the service only reads");
    problem("429", "too many requests with this key");
    operation["security"] = Json::array({{{"bearer", Json::array()}}, {{"key", Json::array()}}, Json::object()});
  } else {
    operation["security"] = Json::array();
  }
  if (route.body != BodyKind::none) {
    problem("413", "the body is too long");
    problem("415", "the type of the body is not one of those above");
  }
  problem("431", "the header is too long");
  problem("422", "the request is well formed, but cannot be done");
  problem("503", "too many requests wait");
  problem("504", "the request waited too long");
  operation["x-scope"] = std::string(name_of(route.scope));
  return operation;
}

}  // namespace

std::string openapi() {
  Json document{
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "lowrank serve"},
        {"version", std::string(version())},
        {"description", "Recommendations from ratings. A rating counts from the next list on."},
        {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"paths", Json::object()},
      {"components",
       {{"schemas", schemas()},
        {"securitySchemes",
         {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}}, {"key", {{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}}}}}}}};
  for (const Route& route : routes()) {
    std::string method = route.method;
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    document["paths"][route.path][method] = operation_of(route);
  }
  return document.dump();
}

}  // namespace lowrank::serve
