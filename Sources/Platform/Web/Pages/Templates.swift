// SPDX-License-Identifier: Apache-2.0

import Mustache

/// The page's templates. Every value is escaped by the engine; there is no triple brace.
struct Templates: Sendable {
    private let library: MustacheLibrary

    /// Parses all templates; a mistake in one shows here, at start.
    init() throws {
        var library = MustacheLibrary()
        try library.register(Self.frame, named: "frame")
        try library.register(Self.door, named: "door")
        try library.register(Self.runs, named: "runs")
        try library.register(Self.run, named: "run")
        try library.register(Self.message, named: "message")
        self.library = library
    }

    /// Renders a template that exists.
    func render(_ name: String, _ values: [String: Any]) -> String {
        library.render(values, withTemplate: name) ?? ""
    }

    private static let frame = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{title}} · CallMeter</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="/assets/page.css">
        <script type="module" src="/assets/live.js"></script>
        </head>
        <body>
        <header class="top"><div>
        <a class="brand" href="/">CallMeter</a>
        {{#signedIn}}<a href="/">Runs</a>
        <form method="post" action="/logout"><button>Sign out</button></form>{{/signedIn}}
        </div></header>
        <main>
        {{$content}}{{/content}}
        </main>
        </body>
        </html>
        """#

    private static let door = #"""
        {{<frame}}{{$content}}
        <div class="card door">
        <h1>Sign in</h1>
        <p>Paste an API key. <code>callmeter keys create --data DIR</code> makes one on the server's machine.</p>
        {{#wrong}}<p class="wrong" role="alert">{{wrong}}</p>{{/wrong}}
        <form method="post" action="/session" autocomplete="off">
        <label for="key">API key</label>
        <input id="key" name="key" type="password" placeholder="cmk_…" required autofocus>
        <button class="main">Sign in</button>
        </form>
        </div>
        {{/content}}{{/frame}}
        """#

    private static let message = #"""
        {{<frame}}{{$content}}
        <div class="card door"><h1>{{title}}</h1><p>{{text}}</p><a href="/">To the runs</a></div>
        {{/content}}{{/frame}}
        """#

    private static let runs = #"""
        {{<frame}}{{$content}}
        <div class="head"><h1>Runs</h1></div>
        <p class="meta"><span>{{count}}</span></p>
        <div class="card flush">
        {{^hasRuns}}
        <div class="empty"><p><strong>No run yet</strong></p>
        <p>Start one with <code>POST /api/v1/tests/{test}/runs</code>, or try <code>callmeter demo</code>.</p></div>
        {{/hasRuns}}
        {{#hasRuns}}
        <table>
        <thead><tr><th>Test</th><th>Status</th><th>Verdict</th><th class="number">Endpoints</th><th>Started</th>
        <th class="number">Lasted</th></tr></thead>
        <tbody>
        {{#runs}}
        <tr{{#live}} data-run="{{id}}"{{/live}}>
        <td class="wide"><a href="/runs/{{id}}">{{name}}</a>{{#project}} <span class="soft">{{project}}</span>{{/project}}</td>
        <td><span class="badge {{kind}}" data-live="status">{{status}}</span></td>
        <td>{{#verdict}}<span class="badge {{verdictKind}}">{{verdict}}</span>{{/verdict}}
        {{^verdict}}<span class="soft">–</span>{{/verdict}}</td>
        <td class="number">{{endpoints}}</td>
        <td>{{started}}</td>
        <td class="number">{{lasted}}</td>
        </tr>
        {{/runs}}
        </tbody>
        </table>
        {{/hasRuns}}
        </div>
        {{/content}}{{/frame}}
        """#
}
