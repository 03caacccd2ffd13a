/** A small plain mail. */
export function plain(subject: string, text = "Hello."): string {
  return [...head(subject), "Content-Type: text/plain; charset=utf-8", "", text, ""].join("\r\n");
}

/** A mail that tries what mails try: to run scripts, to leave the frame, and to tell its sender who reads it. */
export function hostile(subject: string, site: string): string {
  const html = `<html><head>
<meta http-equiv="refresh" content="0;url=${site}/refresh">
<link rel="stylesheet" href="${site}/style.css">
<style>@import url(${site}/import.css); body { background: url(${site}/background.png) }</style>
</head><body onload="document.title='owned';fetch('${site}/onload')">
<script>top.location = '${site}/script'; parent.postMessage('owned', '*')</script>
<p id="words">Your quote is ready.</p>
<img src="x" onerror="document.getElementById('words').textContent='owned';fetch('${site}/onerror')">
<form action="${site}/form"><input name="password"><button>Sign in</button></form>
<a href="javascript:document.getElementById('words').textContent='owned'">Open the quote</a>
<svg><script>fetch('${site}/svg')</script></svg><iframe src="${site}/frame"></iframe>
<div style="background-image:url('${site}/inline.png');position:fixed;inset:0">cover</div>
<img src="${site}/banner.png" alt="Banner" width="80" height="40">
</body></html>`;
  return [...head(subject), "Content-Type: text/html; charset=utf-8", "", ...html.split("\n"), ""].join(
    "\r\n",
  );
}

/** A mail and the answer to it: one conversation. */
export function talk(subject: string): [string, string] {
  const first = plain(subject);
  const id = /^Message-ID: (.*)$/m.exec(first)?.[1]?.trim() ?? "";
  const answer = plain(`Re: ${subject}`, "Yes.").replace("Subject:", `In-Reply-To: ${id}\r\nSubject:`);
  return [first, answer];
}

/** So many mails, each the answer to the one before. */
export function chain(subject: string, length: number): string[] {
  const all: string[] = [];
  let before = "";
  for (let n = 1; n <= length; n += 1) {
    const answers = before ? `In-Reply-To: ${before}\r\nSubject: Re: ` : "Subject: ";
    const raw = plain(subject, `These are the words of letter ${n}.`).replace("Subject: ", answers);
    before = /^Message-ID: (.*)$/m.exec(raw)?.[1]?.trim() ?? "";
    all.push(raw);
  }
  return all;
}

function head(subject: string): string[] {
  const id = subject.toLowerCase().replace(/[^a-z]+/g, "-");
  return [
    'From: "Cleo Marsh" <cleo@else.test>',
    "To: you@lab.test",
    `Subject: ${subject}`,
    `Message-ID: <${id}.${crypto.randomUUID()}@else.test>`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    "MIME-Version: 1.0",
  ];
}
