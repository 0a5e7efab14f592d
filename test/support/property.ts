import fc from "fast-check";

// The same values in each run, so that a run that failed can be repeated; `SEED=7 npm test -- test/…` tries others.
fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) });

export default fc;
