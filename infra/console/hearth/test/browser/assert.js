// As much of node:assert/strict as the tests use, for a browser.

function same(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}

function check(holds, message) {
  if (!holds) throw new Error(message);
}

const differ = (a, b) => `${JSON.stringify(a)} is not ${JSON.stringify(b)}`;

export default {
  equal: (a, b, message) => check(Object.is(a, b), message ?? differ(a, b)),
  deepEqual: (a, b, message) => check(same(a, b), message ?? differ(a, b)),
  throws(call, expected) {
    let thrown;
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    check(thrown && expected(thrown), `threw ${thrown}`);
  },
};
