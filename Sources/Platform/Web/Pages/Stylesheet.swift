// SPDX-License-Identifier: Apache-2.0

/// The page's only stylesheet. Light and dark follow the reader's system.
enum Stylesheet {
    static let text = #"""
        :root {
          color-scheme: light dark;
          --ground: #f6f7f9; --card: #ffffff; --line: #dfe3e8; --text: #17202b; --soft: #5a6675;
          --accent: #1f5fbf; --good: #14773c; --good-ground: #e3f4e9; --bad: #b3261e; --bad-ground: #fbe6e4;
          --busy: #8a5a00; --busy-ground: #fcf0d6; --calls: #1f5fbf; --registered: #14773c;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #0f141a; --card: #171e26; --line: #2b3541; --text: #e6ebf1; --soft: #99a6b5;
            --accent: #7db0ff; --good: #6fd195; --good-ground: #143122; --bad: #ff9c93; --bad-ground: #3d1a18;
            --busy: #f0c168; --busy-ground: #382a0d; --calls: #7db0ff; --registered: #6fd195;
          }
        }
        * { box-sizing: border-box; }
        body {
          margin: 0; background: var(--ground); color: var(--text);
          font: 15px/1.5 system-ui, "Inter", "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
          font-variant-numeric: tabular-nums;
        }
        a { color: var(--accent); text-decoration: none; }
        a:hover { text-decoration: underline; }
        a:focus-visible, button:focus-visible, input:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
        .top { background: var(--card); border-bottom: 1px solid var(--line); }
        .top > div, main { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
        .top > div { display: flex; align-items: center; gap: 24px; height: 56px; }
        .brand { font-weight: 650; font-size: 17px; color: var(--text); letter-spacing: -0.01em; }
        .brand:hover { text-decoration: none; }
        .top form { margin-left: auto; }
        .top button { font-size: 14px; font-weight: 500; padding: 4px 12px; color: var(--soft); }
        main { padding-top: 28px; padding-bottom: 64px; }
        h1 { font-size: 24px; line-height: 1.25; margin: 0; letter-spacing: -0.015em; font-weight: 650; overflow-wrap: anywhere; }
        h2 { font-size: 16px; margin: 0 0 12px; font-weight: 600; }
        .head { display: flex; flex-wrap: wrap; align-items: center; gap: 12px; margin-bottom: 6px; }
        .meta { color: var(--soft); margin: 0 0 22px; }
        .meta { display: flex; flex-wrap: wrap; gap: 0 8px; }
        .meta span + span::before { content: "·"; margin-right: 8px; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px; margin-bottom: 18px; }
        .flush { padding: 0; overflow-x: auto; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 14px; margin-bottom: 18px; }
        .tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 18px; }
        .tile dt { color: var(--soft); font-size: 13px; }
        .tile dd { margin: 2px 0 0; font-size: 26px; line-height: 1.2; font-weight: 600; letter-spacing: -0.02em; white-space: nowrap; }
        .tile small { font-size: 14px; font-weight: 400; color: var(--soft); letter-spacing: 0; }
        dl { margin: 0; }
        .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(400px, 1fr)); gap: 18px; align-items: start; }
        .pair .card { margin-bottom: 0; min-width: 0; overflow-x: auto; }
        .pair { margin-bottom: 18px; }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; padding: 9px 14px; border-bottom: 1px solid var(--line); vertical-align: middle; white-space: nowrap; }
        th { color: var(--soft); font-weight: 500; font-size: 13px; }
        tbody tr:last-child td, tbody tr:last-child th { border-bottom: 0; }
        td.wide { white-space: normal; overflow-wrap: anywhere; min-width: 160px; }
        .number { text-align: right; }
        .plain th, .plain td { padding: 6px 0 6px 14px; }
        .plain th:first-child, .plain td:first-child { padding-left: 0; }
        .plain tbody th { font-size: 15px; color: var(--text); font-weight: 400; }
        .badge { display: inline-flex; align-items: center; gap: 6px; padding: 2px 10px; border-radius: 999px; font-size: 13px; font-weight: 550; color: var(--soft); background: var(--ground); border: 1px solid var(--line); }
        .badge::before { content: ""; width: 7px; height: 7px; border-radius: 50%; background: currentColor; }
        .good { color: var(--good); background: var(--good-ground); border-color: transparent; }
        .bad { color: var(--bad); background: var(--bad-ground); border-color: transparent; }
        .busy { color: var(--busy); background: var(--busy-ground); border-color: transparent; }
        .soft { color: var(--soft); }
        .note { border-left: 3px solid var(--bad); }
        .note h2 { margin-bottom: 6px; }
        .note ul { margin: 0 0 10px; padding-left: 18px; color: var(--soft); }
        .note p { margin: 0; }
        .chips { display: flex; flex-wrap: wrap; gap: 8px; padding: 14px 14px 4px; }
        .chip { border: 1px solid var(--line); border-radius: 999px; padding: 2px 12px; font-size: 13px; color: var(--text); }
        .chip[aria-current] { border-color: var(--accent); color: var(--accent); }
        .foot { padding: 10px 14px; color: var(--soft); font-size: 13px; }
        .empty { padding: 44px 24px; text-align: center; color: var(--soft); }
        .empty p { margin: 0 0 6px; }
        .empty strong { color: var(--text); font-weight: 600; }
        code { font-family: ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", monospace; font-size: 13px; }
        svg.chart { display: block; width: 100%; height: 150px; }
        .chart polyline { fill: none; stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
        .chart .calls { stroke: var(--calls); }
        .chart .registered { stroke: var(--registered); stroke-dasharray: 5 4; }
        .chart line { stroke: var(--line); vector-effect: non-scaling-stroke; }
        .legend { display: flex; gap: 18px; color: var(--soft); font-size: 13px; margin-bottom: 8px; }
        .legend i { display: inline-block; width: 18px; border-top: 2px solid var(--calls); vertical-align: middle; margin-right: 6px; }
        .legend i.registered { border-top: 2px dashed var(--registered); }
        .door { max-width: 440px; margin: 12vh auto 0; }
        .door p { margin: 8px 0 18px; color: var(--soft); }
        label { display: block; font-weight: 550; margin-bottom: 6px; }
        input { width: 100%; padding: 9px 12px; font: inherit; color: var(--text); background: var(--ground); border: 1px solid var(--line); border-radius: 8px; }
        button { font: inherit; font-weight: 550; padding: 8px 16px; border-radius: 8px; border: 1px solid var(--line); background: var(--card); color: var(--text); cursor: pointer; }
        button.main { background: var(--accent); border-color: var(--accent); color: var(--card); margin-top: 14px; }
        .wrong { color: var(--bad); }
        @media (max-width: 560px) { .top > div, main { padding-left: 16px; padding-right: 16px; } .pair { grid-template-columns: 1fr; } }

        """#
}
