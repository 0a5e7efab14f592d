import { join } from "node:path";
import { schemaDrift } from "../../src/database/migrate.js";
import { projectRoot } from "../../src/paths.js";
import { createTestDatabase } from "../support/database.js";

test("the migrations create the database that prisma/schema.prisma describes", async () => {
  const { connectionString, drop } = await createTestDatabase();
  try {
    const drift = await schemaDrift(connectionString, join(projectRoot, "prisma", "schema.prisma"));
    // Prisma has no word for generated columns and takes the expression of one over an enum for a default.
    const known = /^ALTER TABLE "customers" ALTER COLUMN "status" DROP DEFAULT;$/;
    const statements = drift.split("\n").filter((line) => line && !line.startsWith("--") && !known.test(line));
    expect(statements).toEqual([]);
  } finally {
    await drop();
  }
});
