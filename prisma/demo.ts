// The demo shop that seed.ts inserts into an empty database: a dozen customers, each a case that some screen needs. It is
// deterministic, so examples and tests may refer to any id, date or amount.
import { addAttachments } from "./demo/attachments.js";
import { addAuditTrail } from "./demo/audit.js";
import { addCatalogue } from "./demo/catalogue.js";
import { ada } from "./demo/customers/ada.js";
import { bruno } from "./demo/customers/bruno.js";
import { kenji, mia, nobody } from "./demo/customers/carts.js";
import { anonymized, joao, liz, noor } from "./demo/customers/erasures.js";
import { grace } from "./demo/customers/grace.js";
import { hana } from "./demo/customers/hana.js";
import { jurgen } from "./demo/customers/jurgen.js";
import { liveAda, liveSam } from "./demo/customers/live.js";
import { zoe } from "./demo/customers/zoe.js";
import { addEvents } from "./demo/events.js";
import { addReturns } from "./demo/returns.js";
import { Shop } from "./demo/shop.js";
import { addSkuLists } from "./demo/sku-lists.js";
import { addStory } from "./demo/story.js";
import { addSubscriptions } from "./demo/subscriptions.js";
import type { Batch, Tagging } from "./seed.js";

const test = [ada, bruno, grace, jurgen, anonymized, joao, liz, hana, noor, zoe, kenji, mia, nobody];
const live = [liveAda, liveSam];

/** The rows in insertion order, and their tags. */
export function demoShop(): { batches: Batch[]; taggings: Tagging[] } {
  const shop = new Shop();
  addCatalogue(shop);
  for (const story of [...test, ...live]) addStory(shop, story);
  addSubscriptions(shop);
  addReturns(shop);
  addSkuLists(shop);
  addAttachments(shop);
  addEvents(shop);
  addAuditTrail(shop);
  return { batches: shop.batches(), taggings: shop.taggings };
}
