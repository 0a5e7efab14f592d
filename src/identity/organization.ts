/** What the gateway is told about the organization: its slug, and attributes as Commerce Layer's documents have them. */
export interface Organization {
  readonly slug?: string;
  readonly attributes?: OrganizationAttributes;
}

/** Attributes of the organization that are texts. */
export const organizationTexts = [
  "name",
  "support_phone",
  "support_email",
  "logo_url",
  "favicon_url",
  "primary_color",
  "gtm_id",
  "gtm_id_test",
] as const;

export type OrganizationAttributes = { readonly [name in (typeof organizationTexts)[number]]?: string } & {
  /** Settings of the shop's applications. */
  readonly config?: Readonly<Record<string, unknown>>;
};
