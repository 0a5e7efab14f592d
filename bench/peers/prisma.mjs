import { PrismaPg } from "@prisma/adapter-pg";
import prismaClient from "../generated/prisma/index.js";

/** The client as Prisma's documentation makes it. */
export const prisma = new prismaClient.PrismaClient({
  adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL, max: Number(process.env.POOL_SIZE ?? 8) }),
});

/** Which customers follow a place in the order of `created_at` and id, both going down. */
export const afterPlace = (place) => ({
  mode: "test",
  // The first condition lets the index begin at the place.
  ...(place && {
    createdAt: { lte: place.createdAt },
    OR: [{ createdAt: { lt: place.createdAt } }, { id: { lt: place.id } }],
  }),
});

/** Puts tags on a customer: all or none, in turn with other changes of the same customer. */
export function addTags(id, names) {
  const wanted = [...new Set(names)];
  return prisma.$transaction(async (transaction) => {
    await transaction.$queryRaw`SELECT 1 FROM customers WHERE id = ${id} FOR NO KEY UPDATE`;
    const tags = await transaction.tag.findMany({
      where: { mode: "test", name: { in: wanted } },
      select: { id: true },
    });
    if (tags.length < wanted.length) throw new Error("There is no tag of one of these names.");
    const links = await transaction.customerTag.findMany({ where: { customerId: id } });
    const added = tags.filter((tag) => !links.some((link) => link.tagId === tag.id));
    if (links.length + added.length > 10) throw new Error("A customer may have 10 tags.");
    if (added.length > 0) {
      await transaction.customerTag.createMany({ data: added.map((tag) => ({ customerId: id, tagId: tag.id })) });
      await transaction.customer.updateMany({
        where: { id },
        data: { version: { increment: 1 }, updatedAt: new Date() },
      });
    }
  });
}
