/** The password of every registered customer of the demo shop is `correct-horse-9`. */
export const passwordDigest = "$2b$10$0Pz/Tprk8Mxyr8dvNrQ5xujb13aYdjzYI3ki8VeKNsZRDscGrG0xi";

export const staff = {
  vera: { id: "usr_vera", first_name: "Vera", last_name: "Support", email: "vera@example.com" },
  tom: { id: "usr_tom", first_name: "Tom", last_name: "Privacy", email: "tom@example.com" },
};
const dashboard = {
  id: "app_dashboard",
  client_id: "demo-dashboard",
  kind: "webapp",
  public: false,
  confidential: true,
};
export const storefront = {
  id: "app_storefront",
  client_id: "demo-storefront",
  kind: "sales_channel",
  public: true,
  confidential: false,
};

export function byStaff(user: typeof staff.vera) {
  return { application: dashboard, owner: { ...user, type: "User" } };
}

export function byCustomer(id: string, email: string) {
  return { application: storefront, owner: { id, type: "Customer", email } };
}

export const byWorker = (type: string) => ({ worker: { id: `wrk_${type.toLowerCase()}`, type } });
