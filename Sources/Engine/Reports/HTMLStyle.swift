// SPDX-License-Identifier: Apache-2.0

/// The style sheet of the report; dark by the reader's wish, and light on paper.
enum HTMLStyle {
    static let text = """
        :root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2430;--soft:#5b6776;--line:#dfe3e8;--a:#2563a8;\
        --b:#b7791f;--c:#6b4fa0;--good:#1e7f4f;--bad:#b3261e}
        @media (prefers-color-scheme:dark){:root{--page:#12161c;--card:#1b212a;--ink:#e7ebf0;--soft:#9aa6b5;--line:#303944;\
        --a:#6aa9ee;--b:#e0a94a;--c:#b29be8;--good:#54c48a;--bad:#f2837b}}
        @media print{:root{color-scheme:light}section{break-inside:avoid}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
        main{max-width:1080px;margin:0 auto;padding:24px 20px 60px}
        header{display:grid;grid-template-columns:auto 1fr;gap:2px 16px;align-items:center;margin-bottom:20px}
        h1{font-size:24px;margin:0;overflow-wrap:anywhere} header p{grid-column:2;margin:0;color:var(--soft)}
        h2{font-size:17px;margin:0 0 12px} h3{font-size:15px;margin:0 0 4px}
        .verdict{grid-row:span 2;font-weight:700;letter-spacing:.04em;padding:12px 18px;border-radius:8px;color:#fff;background:#8a2b25}
        .verdict.passed{background:#1b7046}.verdict.void{background:#8a5a10}
        section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px 18px;margin:0 0 16px}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:16px}
        .tiles h3{color:var(--soft);font-weight:500;font-size:13px}.tiles strong{display:block;font-size:22px}
        .tiles small{color:var(--soft)}
        .wide{overflow-x:auto} table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
        th{text-align:left;color:var(--soft);font-weight:500;font-size:13px} th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
        tr:last-child td{border-bottom:0} .number{text-align:right;white-space:nowrap} td.good{color:var(--good)} td.bad{color:var(--bad);font-weight:600}
        code,pre{font:13px/1.5 ui-monospace,"DejaVu Sans Mono",Menlo,monospace} pre{overflow-x:auto;margin:0}
        article{border-left:3px solid var(--bad);padding:2px 0 2px 14px;margin:0 0 16px} article:last-child{margin:0}
        article p,article ul{margin:4px 0} .count,.where,.none{color:var(--soft)} .where{font-size:13px;overflow-wrap:anywhere}
        details{margin-top:8px} summary{cursor:pointer;color:var(--soft);font-size:13px} details pre{line-height:1.25;margin-top:8px}
        .alarm{background:var(--card);border:1px solid var(--bad);border-radius:8px;padding:12px 16px;color:var(--bad)}
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(340px,1fr));gap:18px} figure{margin:0;min-width:0}
        figcaption{font-weight:600;margin-bottom:4px} svg{width:100%;height:auto;display:block} .share{height:18px;margin-bottom:10px;border-radius:4px}
        .key{font-weight:400;font-size:13px;color:var(--soft);margin-left:10px;white-space:nowrap}td .key{margin:0;color:var(--ink)}
        .key::before{content:"";display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px;background:var(--swatch)}
        .a{--swatch:var(--a)}.b{--swatch:var(--b)}.c{--swatch:var(--c)}.good{--swatch:var(--good)}.bad{--swatch:var(--bad)}
        polyline{fill:none;stroke:var(--swatch);stroke-width:1.6;stroke-linejoin:round} rect,circle{fill:var(--swatch)}
        .pane{fill:transparent}.pane:hover{fill:var(--soft);fill-opacity:.15} .grid{stroke:var(--line)} .tick{fill:var(--soft);font-size:11px}
        """
}
