// node-llama-cpp as a JavaScript program uses it, for scripts/bench: the protocol of in_process.py, one JSON object a line.
// Arguments: a folder with node-llama-cpp in its node_modules, and a GGUF file. Times are nanoseconds since the request
// was received, encoding included.

import {join} from "node:path";
import {createInterface} from "node:readline";
import {pathToFileURL} from "node:url";

const [folder, gguf] = process.argv.slice(2);
const library = join(folder, "node_modules", "node-llama-cpp", "dist", "index.js");
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(library));

const SEQUENCES = 16; // and the context and the thread of JavaLlamaArm
const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.error, progressLogs: false});
const model = await llama.loadModel({modelPath: gguf});
const context = await model.createContext({sequences: SEQUENCES, contextSize: 4096, threads: 1});
const sequences = Array.from({length: SEQUENCES}, () => context.getSequence());

async function answer(sequence, prompt, maxTokens) {
  const begun = process.hrtime.bigint();
  const elapsed = () => Number(process.hrtime.bigint() - begun);
  const found = {tokens: [], times: [], text: ""};
  for await (const token of sequence.evaluate(model.tokenize(prompt, true), {temperature: 0, yieldEogToken: true})) {
    found.text += model.detokenize([token], true, found.tokens.slice(-4));
    found.tokens.push(token);
    found.times.push(elapsed());
    if (found.tokens.length >= maxTokens) break;
  }
  return {...found, end: elapsed()};
}

const actions = {
  async generate({requests}) {
    const used = sequences.slice(0, requests.length);
    for (const sequence of used) await sequence.clearHistory();
    const begun = process.hrtime.bigint();
    const answers = await Promise.all(requests.map((r, i) => answer(used[i], r.prompt, r.maxTokens)));
    return {answers, nanos: Number(process.hrtime.bigint() - begun)};
  },
};

console.log("{}");
for await (const line of createInterface({input: process.stdin})) {
  const {do: action, ...request} = JSON.parse(line);
  console.log(JSON.stringify(await actions[action](request)));
}
process.exit(0); // the native addon keeps threads
