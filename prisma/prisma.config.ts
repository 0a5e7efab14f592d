/** Settings of the Prisma command line; the scripts in package.json name this file with --config. */
export default {
  schema: "schema.prisma",
  migrations: { path: "migrations" },
  datasource: { url: process.env.DATABASE_URL ?? "postgresql://localhost/unused" },
};
