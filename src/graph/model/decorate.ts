/** Applies decorators to a generated method, in the order given. */
export function decorate(
  prototype: object,
  name: string | symbol,
  descriptor: PropertyDescriptor,
  ...decorators: readonly MethodDecorator[]
): void {
  for (const decorator of decorators) decorator(prototype, name, descriptor);
}
