// Restate's side of the bench: an event that calls every unit and awaits all, and the unit that answers.
// Times are the machine's clock in milliseconds, which the driver reads, too.
import * as restate from "@restatedev/restate-sdk";

// Node 20 has it not, and the SDK wants it when it is called.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new this((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
};

const first = new Map();
const now = () => performance.timeOrigin + performance.now();

const unit = restate.service({
  name: "unit",
  handlers: {
    predict: async (_context, { night, number }) => {
      if (!first.has(night)) first.set(night, now());
      return number;
    },
  },
});

const night = restate.service({
  name: "night",
  handlers: {
    event: async (context, { night, units }) => {
      const client = context.serviceClient(unit);
      const calls = Array.from({ length: units }, (_, number) => client.predict({ night, number }));
      const answers = await restate.RestatePromise.all(calls);
      return { answered: new Set(answers).size, first_at: first.get(night) };
    },
  },
});

restate.serve({ services: [unit, night], port: Number(process.env.PORT) });
