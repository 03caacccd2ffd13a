// Reads every message of a folder with mailparser, some rounds over; prints the seconds of processor time that a message took in
// each. One round before them is for the compiler.
import { readdirSync, readFileSync } from "node:fs";
import { simpleParser } from "mailparser";

const [folder, rounds] = process.argv.slice(2);
const messages = readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`));

async function round() {
  const before = process.cpuUsage();
  for (const message of messages) {
    await simpleParser(message);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / messages.length;
}

await round();
for (let n = 0; n < Number(rounds); n += 1) {
  console.log(await round());
}
