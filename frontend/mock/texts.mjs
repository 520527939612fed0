export const PEOPLE = [
  { name: 'Mira Okafor', address: 'mira.okafor@example.org' },
  { name: 'Jonas Lind', address: 'jonas@lind.example' },
  { name: 'Harbour Authority', address: 'permits@harbour.example' },
  { name: 'Priya Raman', address: 'priya.raman@example.org' },
  { name: 'Tomás Ferreira', address: 'tomas.ferreira@example.net' },
  { name: 'Northwind Library', address: 'loans@library.example' },
  { name: 'Elise Brandt', address: 'elise.brandt@example.com' },
  { name: 'Build Server', address: 'builds@ci.example' },
  { name: 'Ken Watanabe', address: 'k.watanabe@example.jp' },
  { name: 'The Weekly Tide', address: 'editor@tide.example' },
  { name: null, address: 'reception@seaview.example' },
];

export const TOPICS = [
  {
    subject: 'Load test of the harbour bridge, Thursday',
    thread: true,
    text: `Hi Ada,

the trucks are booked for Thursday, 06:30. We load the middle span in four steps and read the gauges after each; the
harbour closes the channel until nine.

Two things that I need from you before then:

- the limits for gauge 7, which drifted last week
- a yes or no on measuring at night as well

The plan is attached. Drawings are at https://bridge.example/plans/span-2.

Mira

> On Monday, Ada Winter wrote:
> Could we load the span in four steps instead of two? The drift of gauge 7
> would show much earlier.
`,
    attachments: [
      { name: 'Load plan, span 2.pdf', content_type: 'application/pdf', size_bytes: 1_840_000 },
      { name: 'gauges.csv', content_type: 'text/csv', size_bytes: 48_200 },
    ],
  },
  {
    subject: 'Your books are due on Friday',
    text: `Dear reader,

two books that you borrowed are due on Friday:

  Structures: Or Why Things Don't Fall Down
  The Silent World

You can renew them once at https://library.example/loans.
`,
  },
  {
    subject: 'Notes from the review',
    thread: true,
    html: `<p>Hi all,</p><p>thanks for a good hour. What we agreed on:</p>
      <ol><li><b>Gauges</b>: replace 7, keep the rest; Jonas orders it today.</li>
      <li><b>Night run</b>: yes, if the wind stays under 8 m/s.</li>
      <li><b>Report</b>: first draft by the 14th, Elise writes the summary.</li></ol>
      <blockquote>The channel is ours until nine, not later. Please plan for half past eight.</blockquote>
      <p>The photo from the pier, for the front page:</p><p><img src="cid:pier@example" alt="The pier" width="240" height="120"></p>
      <p>Best,<br>Priya</p>`,
    text: `Hi all, thanks for a good hour. What we agreed on: gauges: replace 7, keep the rest; night run: yes, if the wind stays under 8 m/s; report: first draft by the 14th.`,
    attachments: [
      {
        name: 'pier.png',
        content_type: 'image/png',
        size_bytes: 70,
        is_inline: true,
        content_id: 'pier@example',
      },
    ],
  },
  {
    subject: 'Build 4127 is green again',
    text: `Build 4127 of main succeeded after 3 failures.

Changed since the last good build:
  1c9e2ab  Read gauge limits from the survey, not from the sheet
  77d0f3e  Pin the compiler

Duration: 6 min 12 s
`,
  },
  {
    subject: 'Lunch on the 12th?',
    text: `Ada, I am in town on the 12th and 13th. Lunch at the old place, one o'clock?

Ken
`,
  },
  {
    subject: 'Invitation: steering group, quarterly',
    kind: 'meeting_request',
    text: `Steering group, quarterly review.

When: first Tuesday of the month, 10:00 to 11:30
Where: room 4.12, and online

Agenda: budget, risks, schedule of the second span.
`,
  },
  {
    subject: 'Re: Quotation for strain gauges',
    thread: true,
    text: `Dear Ms Winter,

we can deliver eight gauges of the type KX-2 within three weeks. The quotation is attached and valid until the end of
the month; calibration certificates are included.

Kind regards
Tomás Ferreira
`,
    attachments: [{ name: 'Quotation 2217.pdf', content_type: 'application/pdf', size_bytes: 212_400 }],
  },
  {
    subject: 'Photos from the pier',
    text: `Best light of the year, and nobody else awake. The raw files are in the archive.

Elise
`,
    attachments: [
      { name: 'pier-at-six.jpg', content_type: 'image/jpeg', size_bytes: 4_310_000 },
      { name: 'raw.zip', content_type: 'application/zip', size_bytes: 88_600_000 },
      { name: 'Shared folder', kind: 'reference', content_type: null, size_bytes: 0 },
    ],
  },
  {
    subject: 'Permit 88-204 was granted',
    text: `The harbour authority grants permit 88-204: closing of the channel between pier 3 and pier 5, Thursday 06:00 to
09:00. Conditions are on the second page.
`,
    attachments: [{ name: 'Permit 88-204.pdf', content_type: 'application/pdf', size_bytes: 96_000 }],
  },
  {
    subject: 'Draft of the summary',
    thread: true,
    text: `Here is a first draft, rough on purpose. Please argue with the second paragraph: I think that we claim too much for
one night of data.

> It would help to say what we did not measure.

Agreed, I added a box.

Elise
`,
    attachments: [{ name: 'Summary, draft 1.docx', content_type: 'application/msword', size_bytes: 64_900 }],
  },
  {
    subject: 'Your booking at Seaview, two nights',
    text: `Thank you for your booking. Arrival Wednesday from 15:00, departure Friday until 11:00. Breakfast from 05:30 on
request.
`,
  },
];

export const NEWSLETTER = `
  <table width="100%" cellpadding="0" cellspacing="0" bgcolor="#eef3f7"><tr><td align="center">
  <table width="600" cellpadding="24" bgcolor="#ffffff" style="font-family: Georgia, serif; color: #22313f">
    <tr><td style="background: #17405f; color: #ffffff; font-size: 28px">The Weekly Tide</td></tr>
    <tr><td><img src="https://tide.example/header.jpg" width="552" height="180" alt="Low tide at the old harbour">
      <h2 style="color: #17405f">How a bridge learns to float</h2>
      <p>For two hours a week the old swing bridge does not rest on its bearings at all. We spent a night with the people who
      listen to it.</p><p><a href="https://tide.example/bridge" target="_blank" rel="noopener">Read the story</a></p></td></tr>
    <tr><td style="border-top: 1px solid #dde5ec"><h3>Also this week</h3>
      <ul><li>Why gulls like ferries</li><li>A map of every slipway</li><li>The last chandler of Pier Street</li></ul>
      <img src="https://tide.example/pixel.gif" width="1" height="1" alt=""></td></tr>
  </table></td></tr></table>`;
