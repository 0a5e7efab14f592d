import { type GraphQLField, type GraphQLSchema, Kind, parse, print, visit } from "graphql";

export interface Example {
  field: string;
  /** The operation in the field's description. */
  text: string;
  /** The operation with `@dryRun`. */
  dryRun: string;
  /** The codes of user errors that the description names. */
  codes: string[];
}

/** The examples in the descriptions of all mutations. */
export function examplesOf(schema: GraphQLSchema): Example[] {
  return Object.values(schema.getMutationType()!.getFields()).map((field: GraphQLField<unknown, unknown>) => {
    const description = field.description ?? "";
    const text = /Example: `(.+)`\.$/s.exec(description)?.[1];
    if (!text) throw new Error(`The description of ${field.name} has no example`);
    const errors = / Errors: (.*?)\. Example: /s.exec(description)?.[1] ?? "";
    return {
      field: field.name,
      text,
      dryRun: withDryRun(text),
      codes: [...errors.matchAll(/`(\w+)`/g)].map(([, code]) => code!),
    };
  });
}

/** The same operation with `@dryRun` on its root fields. */
export function withDryRun(operation: string): string {
  const document = visit(parse(operation), {
    OperationDefinition: (node) => ({
      ...node,
      selectionSet: {
        ...node.selectionSet,
        selections: node.selectionSet.selections.map((selection) => ({
          ...selection,
          directives: [{ kind: Kind.DIRECTIVE, name: { kind: Kind.NAME, value: "dryRun" } }],
        })),
      },
    }),
  });
  return print(document);
}
