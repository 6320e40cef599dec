#include "model/lineage_section.h"

#include <nlohmann/json.hpp>

#include "model/checked_json.h"

namespace lowrank {

std::string lineage_text(const Lineage& lineage) {
  const nlohmann::ordered_json json{{"updates", lineage.updates}, {"trained", lineage.trained},
                                    {"added", lineage.added},     {"replaced", lineage.replaced},
                                    {"removed", lineage.removed}, {"trained_fingerprint", lineage.trained_fingerprint}};
  return json.dump();
}

Lineage read_lineage(const std::string& text) {
  const nlohmann::json parsed = parse_json(text, "the header's lineage");
  Fields fields(parsed, "the header's lineage");
  Lineage lineage{.updates = fields.count("updates"),
                  .trained = fields.count("trained"),
                  .added = fields.count("added"),
                  .replaced = fields.count("replaced"),
                  .removed = fields.count("removed"),
                  .trained_fingerprint = fields.text("trained_fingerprint")};
  fields.end();
  return lineage;
}

}  // namespace lowrank
