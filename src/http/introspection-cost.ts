import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
} from "graphql";

/** The root fields of introspection. */
export const introspectionFields: ReadonlySet<string> = new Set([SchemaMetaFieldDef.name, TypeMetaFieldDef.name]);

/**
 * Cost of an introspection field: the number of objects and values that it returns, counted by walking the schema up to
 * `maximum`. A `__type` whose name is a variable counts as all types.
 */
export function introspectionCost(
  schema: GraphQLSchema,
  node: FieldNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  maximum: number,
): { objects: number; values: number } {
  const total = { objects: 0, values: 0 };

  function object(set: SelectionSetNode, type: GraphQLObjectType, source: unknown) {
    total.objects++;
    selections(set, type, source);
  }

  function selections({ selections: all }: SelectionSetNode, type: GraphQLObjectType, source: unknown) {
    for (const selection of all) {
      // Fragments count too: nested spreads would grow exponentially.
      if (++total.values > maximum) return;
      if (selection.kind === Kind.INLINE_FRAGMENT) selections(selection.selectionSet, type, source);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = fragments.get(selection.name.value);
        if (fragment) selections(fragment.selectionSet, type, source);
      } else if (selection.selectionSet) children(selection, selection.selectionSet, type, source);
    }
  }

  function children(field: FieldNode, set: SelectionSetNode, type: GraphQLObjectType, source: unknown) {
    const definition = type.getFields()[field.name.value];
    const childType = definition && getNamedType(definition.type);
    if (!isObjectType(childType)) return;
    const result: unknown = definition!.resolve!(source, { includeDeprecated: true }, undefined, {
      schema,
    } as GraphQLResolveInfo);
    for (const child of Array.isArray(result) ? result : [result]) {
      if (total.values > maximum) return;
      if (child) object(set, childType, child);
    }
  }

  const set = node.selectionSet!;
  if (node.name.value === SchemaMetaFieldDef.name) {
    object(set, getNamedType(SchemaMetaFieldDef.type) as GraphQLObjectType, schema);
    return total;
  }
  const name = node.arguments?.find((argument) => argument.name.value === "name")?.value;
  const named = name?.kind === Kind.STRING ? [schema.getType(name.value)] : Object.values(schema.getTypeMap());
  for (const type of named) if (type) object(set, TypeMetaFieldDef.type as GraphQLObjectType, type);
  return total;
}
