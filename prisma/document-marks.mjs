// Reads the marks of prisma/schema.prisma that map JSON:API documents to columns.

const known = {
  model: [
    ...[
      "prefix",
      "acronym",
      "owner",
      "polymorphic",
      "join",
      "permissions",
      "permission",
      "constraint",
      "audit",
      "events",
      "entries",
    ],
    ...["error", "dataSubject", "cascade", "auditTrail"],
    ...["computed", "leftOut", "attributes", "refused", "attached"],
  ],
  field: ["personal", "impersonal", "internal", "counted", "audit", "form", "document", "foundBy"],
};
/** Types of attributes without a column. */
const scalars = ["Boolean", "DateTime", "Float", "Int", "Json", "String"];

/** Contents of all marks of one name, as single lines. */
function marksOf({ documentation }, name) {
  const marks = (documentation ?? "").matchAll(new RegExp(`@${name}(?:\\(([^)]*)\\)|(?![\\w(]))`, "g"));
  return [...marks].map(([, content = ""]) => content.replace(/\s+/g, " ").trim());
}

function namesIn(where, mark, text, separator) {
  const names = text.split(separator);
  const invalid = names.find((name) => !/^\w+$/.test(name));
  if (invalid !== undefined) {
    const between = separator === " " ? "spaces" : "commas";
    throw new Error(
      `@${mark} of ${where} has ${JSON.stringify(invalid)}, which is not a name: write names with ${between} between them.`,
    );
  }
  return names;
}

/** Rejects unknown marks, such as misspelt ones. */
export function checkMarks(model) {
  const check = (where, documentation, marks, pattern) => {
    for (const [, name] of (documentation ?? "").matchAll(pattern)) {
      if (!marks.includes(name))
        throw new Error(`${where} has the mark @${name}, which is none of @${marks.join(", @")}.`);
    }
  };
  check(model.name, model.documentation, known.model, /^@(\w+)/gm);
  for (const { name, documentation } of model.fields) {
    check(`${model.name}.${name}`, documentation, known.field, /(?:^|\s)@(\w+)/g);
  }
}

/** Document marks of a column: attribute names if they differ, and whether it is a counter. */
export function columnMarks(model, field) {
  const where = `${model.name}.${field.name}`;
  const stated = marksOf(field, "document").map((names) => names.split(/,\s*/));
  const invalid = stated.flat().find((name) => !/^\w+(\.\w+)?$/.test(name) && name !== "own attributes");
  if (invalid !== undefined) {
    throw new Error(
      `@document of ${where} has ${JSON.stringify(invalid)}: write an attribute, a member as object.member, type, own attributes, or nothing.`,
    );
  }
  if (stated.flat().includes("type") && field.kind !== "enum") {
    throw new Error(`@document(type) of ${where} is on a column that is not an enum.`);
  }
  if (stated.flat().includes("own attributes") && field.type !== "Json") {
    throw new Error(`@document(own attributes) of ${where} is on a column that is not Json.`);
  }
  return {
    ...(stated.length && { document: stated.flat() }),
    ...(marksOf(field, "counted").length && { counted: true }),
  };
}

/** Document mark of a to-one relation: the attribute and unique field that find the related row. */
export function foundBy(model, field, target) {
  const [content] = marksOf(field, "foundBy");
  if (content === undefined) return undefined;
  const [, attribute, unique] = content.match(/^(\w+): (\w+)$/) ?? [];
  const isUnique = target.uniqueFields.some(
    (fields) => fields.length === 2 && fields[0] === "mode" && fields[1] === unique,
  );
  if (!isUnique) {
    throw new Error(
      `@foundBy(${content}) of ${model.name}.${field.name} is not an attribute and a field that is unique within a mode of ${target.name}: write @foundBy(customer_email: email).`,
    );
  }
  return { attribute, unique };
}

/** Document marks of a model. */
export function documentMarks(model) {
  const where = model.name;
  const ofType = (content) => {
    const [, type = model.dbName, rest] = content.match(/^(?:(\w+): )?(.*)$/);
    return [type, rest];
  };
  const attributes = marksOf(model, "attributes").map((content) => {
    const [type, rest] = ofType(content);
    const pairs = rest.split(/,\s*/).map((pair) => {
      const [, name, scalar] = pair.match(/^(\w+) (\w+)$/) ?? [];
      if (!scalars.includes(scalar)) {
        throw new Error(
          `@attributes of ${where} has ${JSON.stringify(pair)}: write a name and one of ${scalars.join(", ")}, such as balance Int.`,
        );
      }
      return [name, scalar];
    });
    return [type, Object.fromEntries(pairs)];
  });
  const hasColumn = model.fields.some((field) => marksOf(field, "document").includes("own attributes"));
  if (attributes.length && !hasColumn) {
    throw new Error(`@attributes of ${where} have no column: mark one with @document(own attributes).`);
  }
  const refused = [...(model.documentation ?? "").matchAll(/^@refused\((.*)$/gm)].map(([mark, content]) => {
    const [, name, reason] = content.match(/^(\w+), (.+)\)$/) ?? [];
    if (!name) throw new Error(`${where} has ${mark}: write @refused(attribute, reason).`);
    return [name, reason];
  });
  const meta = model.fields.flatMap((field) =>
    (columnMarks(model, field).document ?? [])
      .filter((name) => name.startsWith("meta."))
      .map((name) => [
        name.slice("meta.".length),
        { column: field.dbName ?? field.name, type: field.type, nullable: !field.isRequired },
      ]),
  );
  return {
    computed: marksOf(model, "computed").flatMap((names) => namesIn(where, "computed", names, /,\s*/)),
    attributes: Object.fromEntries(attributes),
    leftOut: Object.fromEntries(
      marksOf(model, "leftOut").map((content) => {
        const [type, names] = ofType(content);
        return [type, namesIn(where, "leftOut", names, " ")];
      }),
    ),
    refused: Object.fromEntries(refused),
    meta: Object.fromEntries(meta),
    ...(marksOf(model, "attached").length && { attached: true }),
  };
}
