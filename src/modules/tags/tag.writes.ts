import { ResourceWrites } from "../../graph/write/resource-writes.js";
import { text } from "../../graph/write/rules.js";
import { Tag } from "./tag.type.js";
import { readTagName } from "./tag-rules.js";

const rules = {
  name: text({
    description:
      "What it is called, unique in the shop: at most 25 letters and digits, joined by single `-`, `_` or `:`. Kept in lower case.",
    required: true,
    form: readTagName,
  }),
};

/** Writes of tags; `tagsAdd` and its siblings write the tags of a resource. */
export const tagWrites = new ResourceWrites(Tag, {
  rules,
  create: { example: 'input: { name: "early-bird" }' },
  update: {
    description: "Renames a tag, or changes its metadata. Everything that carries it has it under the new name.",
    example: 'id: "tag_vip", input: { name: "very-important", metadata: { merge: { color: "gold" } } }',
  },
  delete: { description: "Deletes a tag, and takes it off everything.", example: 'id: "tag_vip"' },
});
