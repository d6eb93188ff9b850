// A pprof profile: whether Parca takes it, and its contents with all references resolved.

const number = (value) => Number(value ?? 0);
// As text: a number of JavaScript has only 53 bits.
const exact = (value) => String(value ?? 0);

// What is wrong with a profile, or nothing. These are the server's own checks, but for two: it looks away where an index
// is just one too large, and a profile without a period type makes it crash.
export function check(profile) {
  const strings = profile.stringTable.strings;
  if (strings[0] !== '') return 'the first string is not empty';
  const text = (...indices) => indices.every((index) => number(index) < strings.length);
  const sequential = (list) => list.every((one, index) => number(one.id) === index + 1);
  for (const [name, list] of Object.entries({ mapping: profile.mapping, function: profile.function, location: profile.location })) {
    if (!sequential(list)) return `${name} id is not sequential`;
  }
  if (!profile.periodType || !text(profile.periodType.type, profile.periodType.unit)) return 'there is no period type';
  if (!profile.mapping.every((m) => text(m.filename, m.buildId))) return 'a mapping has an invalid string';
  if (!profile.function.every((f) => text(f.name, f.systemName, f.filename))) return 'a function has an invalid string';
  if (!profile.sampleType.length || !profile.sampleType.every((t) => text(t.type, t.unit))) return 'invalid sample type';
  return profile.location.map((l) => checkLocation(profile, l)).find(Boolean) ??
    profile.sample.map((s) => checkSample(profile, s, text)).find(Boolean);
}

function checkLocation(profile, location) {
  if (number(location.mappingId) > profile.mapping.length) return 'location has invalid mapping id';
  const functions = profile.function.length;
  if (location.line.some((line) => number(line.functionId) > functions)) return 'location has invalid function id';
}

function checkSample(profile, sample, text) {
  if (sample.value.length !== profile.sampleType.length) return 'a sample has not as many values as there are types';
  const valid = (id) => number(id) > 0 && number(id) <= profile.location.length;
  if (!sample.locationId.every(valid)) return 'location number is out of range';
  if (!sample.label.every((l) => number(l.key) > 0 && text(l.key, l.str))) return 'a label has an invalid key or string';
}

// The same form as that of Pyroscope's receiver.
export function resolve(profile) {
  const text = (index) => profile.stringTable.strings[number(index)];
  const kind = (type) => `${text(type.type)}/${text(type.unit)}`;
  return {
    types: profile.sampleType.map(kind),
    default: text(profile.defaultSampleType),
    period_type: kind(profile.periodType),
    period: exact(profile.period),
    time: exact(profile.timeNanos),
    duration: exact(profile.durationNanos),
    samples: profile.sample.map((sample) => ({
      stack: sample.locationId.flatMap((id) => frames(profile, profile.location[number(id) - 1], text)),
      values: sample.value.map(exact),
      labels: Object.fromEntries(sample.label.map((l) => [text(l.key), number(l.str) ? text(l.str) : exact(l.num)])),
    })),
    mappings: profile.mapping.map((m) => ({ file: text(m.filename), build_id: text(m.buildId) })),
    comments: profile.comment.map(text),
  };
}

function frames(profile, location, text) {
  const address = exact(location.address);
  if (location.line.length === 0) return [{ function: '', file: '', line: 0, address }];
  return location.line.map((line) => {
    const its = profile.function[number(line.functionId) - 1];
    return { function: its ? text(its.name) : '', file: its ? text(its.filename) : '', line: number(line.line), address };
  });
}
