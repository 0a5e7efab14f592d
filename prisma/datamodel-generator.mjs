// Prisma generator that writes src/generated/datamodel.ts, the run-time description of every model: tables, columns,
// foreign keys, relations, join tables, id prefixes, permissions, messages of constraints, and JSON:API documents.
import { writeFileSync } from "node:fs";
import helper from "@prisma/generator-helper";
import { checkMarks, columnMarks, documentMarks, foundBy } from "./document-marks.mjs";

const camelCase = (snakeCase) => snakeCase.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
/** `@name(value)` in a model's or field's documentation. */
const mark = (documentation, name) => documentation?.match(new RegExp(`@${name}\\(([^)]*)\\)`))?.[1];

function columnsOf(model) {
  return Object.fromEntries(
    model.fields
      .filter((field) => field.kind !== "object" && !field.documentation?.includes("@internal"))
      .map((field) => [
        field.name,
        {
          column: field.dbName ?? field.name,
          type: field.type,
          ...(field.kind === "enum" && { enum: true }),
          ...(!field.isRequired && { nullable: true }),
          ...(field.hasDefaultValue && { hasDefault: true }),
          ...(field.default?.name === "dbgenerated" && field.default.args.length === 0 && { derived: true }),
          ...(field.isId && { id: true }),
          ...(mark(field.documentation, "form") && { form: mark(field.documentation, "form") }),
          ...(field.documentation?.includes("@personal(credential") && { secret: true }),
          ...columnMarks(model, field),
        },
      ]),
  );
}

function relationsOf(model, models, polymorphic) {
  const relations = {};
  for (const field of model.fields.filter(({ kind }) => kind === "object")) {
    const target = models.get(field.type);
    const join = mark(target.documentation, "join");
    // Internal tables are not part of the graph.
    if (!join && !mark(target.documentation, "prefix")) continue;
    if (join && model.name !== "Tag") {
      const [own, other] = target.fields.filter(({ kind }) => kind === "object");
      relations[join] = { to: other.type, many: true, through: joinTable(target, own, other) };
    } else if (join) {
      const [owner, tag] = target.fields.filter(({ kind }) => kind === "object");
      relations[camelCase(models.get(owner.type).dbName)] = {
        to: owner.type,
        many: true,
        through: joinTable(target, tag, owner),
      };
    } else if (field.relationFromFields?.length) {
      const lookup = foundBy(model, field, target);
      relations[field.name] = {
        to: field.type,
        many: false,
        key: field.relationFromFields[0],
        ...(lookup && { foundBy: lookup }),
      };
    } else {
      const back = target.fields.find((f) => f.relationName === field.relationName && f.relationFromFields?.length);
      relations[field.name] = { to: field.type, many: true, key: back.relationFromFields[0] };
    }
  }
  for (const { to, name, typeKey, key } of polymorphic) {
    relations[name] ??= { to, many: true, key, where: { [typeKey]: model.dbName } };
  }
  return relations;
}

/** Owner relations of a model, from `@owner(…)`. */
function ownersOf(model, relations) {
  const owners = mark(model.documentation, "owner")?.split(", ");
  const unknown = owners?.filter((name) => !relations[name]) ?? [];
  if (unknown.length) throw new Error(`@owner of ${model.name} names no relation of it: ${unknown.join(", ")}`);
  return owners;
}

/** `@dataSubject(field: value, value)`: the model that owns personal data, and the values of the field of rows being erased. */
function dataSubjectOf({ name, fields, documentation }) {
  const [, field, values] = mark(documentation, "dataSubject")?.match(/^(\w+): (.+)$/) ?? [];
  if (field && !fields.some((other) => other.name === field)) {
    throw new Error(`@dataSubject of ${name} names no field of it: ${field}`);
  }
  return field && { field, erased: values.split(", ") };
}

const actions = ["read", "create", "update", "destroy"];
/** Kinds of callers with permissions in the datamodel; integrations may do everything. */
const callers = ["guest", "customer", "user"];

/** `@name(key, sentence)` on lines of their own, as `{ key: sentence }`. */
function sentencesOf({ documentation }, name) {
  const lines = documentation.matchAll(new RegExp(`^@${name}\\(([\\w:]+), (.+)\\)$`, "gm"));
  return Object.fromEntries([...lines].map(([, key, sentence]) => [key, sentence]));
}

/** What each kind of caller may do, from `@permissions(guest: read; customer: read, update; user: nothing)`. */
function permissionsOf(model, special) {
  const permissions = mark(model.documentation, "permissions");
  const known = [...actions, ...special, "nothing"];
  const actionsByCaller = new Map((permissions ?? "").split(/;\s*/).map((entry) => entry.split(/:\s+/)));
  const unknownCallers = [...actionsByCaller.keys()].filter((caller) => caller && !callers.includes(caller));
  if (unknownCallers.length) {
    throw new Error(
      `@permissions of ${model.name} names ${unknownCallers.join(", ")}, which is none of ${callers.join(", ")}.`,
    );
  }
  return Object.fromEntries(
    callers.map((caller) => {
      const granted = actionsByCaller.get(caller)?.split(", ");
      if (!granted) {
        throw new Error(
          `The model ${model.name} does not say what a ${caller} may do when the token does not say: write \`/// @permissions(guest: …; customer: …; user: …)\` above it, each with some of ${known.join(", ")}.`,
        );
      }
      const unknown = granted.filter((action) => !known.includes(action));
      if (unknown.length) {
        throw new Error(
          `@permissions of ${model.name} gives a ${caller} ${unknown.join(", ")}; there are ${known.join(", ")}.`,
        );
      }
      const names = granted.filter((action) => action !== "nothing");
      return [caller, names.map((name) => (actions.includes(name) ? `${model.dbName}:${name}` : name))];
    }),
  );
}

/**
 * Personal data by column, internal tables included: `{ category, action, reason }` from `@personal(category: action,
 * reason)`; absent for `@impersonal` columns and those that every table has.
 */
function manifestOf(model) {
  return {
    table: model.dbName,
    columns: Object.fromEntries(
      model.fields
        .filter((field) => field.kind !== "object")
        .map((field) => {
          const [, category, action, reason] =
            field.documentation?.match(/@personal\((\w+): (\w+)(?:, ([^)]+))?\)/) ?? [];
          const derived = field.default?.name === "dbgenerated" && field.default.args.length === 0;
          return [
            field.name,
            {
              column: field.dbName ?? field.name,
              type: field.type,
              ...(!field.isRequired && { nullable: true }),
              ...(derived && { derived: true }),
              ...(category && { personal: { category, action, ...(reason && { reason }) } }),
            },
          ];
        }),
    ),
  };
}

/** Audit and event settings of a model, from `@audit`, `@events` and `@entries`. */
function auditOf(model) {
  const columnOf = (name) => {
    const field = model.fields.find((other) => other.name === name && other.kind !== "object");
    if (!field) throw new Error(`A mark of ${model.name} names no column of it: ${name}`);
    return field.dbName ?? name;
  };
  const marks = model.fields.flatMap((field) => {
    const setting = mark(field.documentation, "audit");
    if (setting === undefined) return [];
    const [, action, as] = setting.match(/^(omit|mask)(?: as (\w+))?$/) ?? [];
    if (!action) throw new Error(`@audit(${setting}) of ${model.name}.${field.name} is neither omit nor mask`);
    return [{ column: columnOf(field.name), action, as }];
  });
  const ofModel = mark(model.documentation, "audit");
  if (ofModel !== undefined && ofModel !== "none") throw new Error(`@audit(${ofModel}) of ${model.name} is not none`);
  const events = mark(model.documentation, "events");
  const entries = mark(model.documentation, "entries");
  const [, statusField, renamed] = entries?.match(/^(\w+Status): (.+)$/s) ?? [];
  if (entries && !statusField) throw new Error(`@entries of ${model.name} does not begin with a status: ${entries}`);
  return {
    audited: ofModel !== "none",
    omitted: marks.filter(({ action }) => action === "omit").map(({ column }) => column),
    masked: marks.filter(({ action }) => action === "mask").map(({ column, as }) => ({ column, ...(as && { as }) })),
    ...(events !== undefined && {
      events: events
        .split(/,\s+/)
        .filter(Boolean)
        .map((event) => {
          const [, name, field, value, change, created] =
            event.match(/^(\w+): (\w+) (?:= (\w+)|(is set|is cleared|changes))( from creation)?$/) ?? [];
          if (!name) throw new Error(`@events of ${model.name} has an event that cannot be read: ${event}`);
          return {
            name,
            column: columnOf(field),
            ...(value ? { value } : { change }),
            ...(created && { created: true }),
          };
        }),
    }),
    ...(entries && {
      entries: {
        column: columnOf(statusField),
        renamed: Object.fromEntries(renamed.split(/,\s+/).map((pair) => pair.split(" as "))),
      },
    }),
  };
}

function joinTable(model, from, to) {
  const column = (relation) => {
    const key = relation.relationFromFields[0];
    return model.fields.find(({ name }) => name === key).dbName ?? key;
  };
  return { table: model.dbName, from: column(from), to: column(to) };
}

helper.generatorHandler({
  onManifest: () => ({ prettyName: "datamodel", defaultOutput: "../src/generated/datamodel.ts" }),
  onGenerate: async ({ dmmf, generator }) => {
    const models = new Map(dmmf.datamodel.models.map((model) => [model.name, model]));
    for (const model of models.values()) checkMarks(model);
    const polymorphic = [...models.values()].flatMap(({ name, documentation }) => {
      const match = mark(documentation, "polymorphic")?.match(/(\w+): (\w+), (\w+)/);
      return match ? [{ to: name, name: match[1], typeKey: match[2], key: match[3] }] : [];
    });
    const resources = [...models.values()].filter(({ documentation }) => mark(documentation, "prefix"));
    const datamodel = Object.fromEntries(
      resources.map((model) => {
        const relations = relationsOf(model, models, polymorphic);
        const special = sentencesOf(model, "permission");
        return [
          model.name,
          {
            table: model.dbName,
            prefix: mark(model.documentation, "prefix"),
            acronym: mark(model.documentation, "acronym"),
            columns: columnsOf(model),
            relations,
            owners: ownersOf(model, relations),
            permissions: permissionsOf(model, Object.keys(special)),
            special,
            constraints: sentencesOf(model, "constraint"),
            errors: sentencesOf(model, "error"),
            dataSubject: dataSubjectOf(model),
            cascade: /^@cascade$/m.test(model.documentation) || undefined,
            auditTrail: /^@auditTrail$/m.test(model.documentation) || undefined,
            documents: documentMarks(model),
            unique: model.uniqueFields,
            indexes: dmmf.datamodel.indexes
              .filter(({ model: of, type, algorithm }) => of === model.name && type === "normal" && !algorithm)
              .map(({ fields }) => fields.map(({ name }) => name)),
          },
        ];
      }),
    );
    const enums = Object.fromEntries(
      dmmf.datamodel.enums.map(({ name, dbName, values }) => [
        name,
        { type: dbName ?? name, values: values.map((value) => value.name) },
      ]),
    );
    const audit = Object.fromEntries(resources.map((model) => [model.name, auditOf(model)]));
    const manifest = Object.fromEntries([...models.values()].map((model) => [model.name, manifestOf(model)]));
    writeFileSync(
      generator.output.value,
      `// Generated by prisma/datamodel-generator.mjs. Do not edit.\n` +
        `export const datamodel = ${JSON.stringify(datamodel, null, 2)} as const;\n\n` +
        `export const enums = ${JSON.stringify(enums, null, 2)} as const;\n\n` +
        `export const audit = ${JSON.stringify(audit, null, 2)} as const;\n\n` +
        `export const manifest = ${JSON.stringify(manifest, null, 2)} as const;\n`,
    );
  },
});
