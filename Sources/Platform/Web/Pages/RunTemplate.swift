// SPDX-License-Identifier: Apache-2.0

extension Templates {
    /// One run: live while it goes, figures and causes once it ended.
    static let run = #"""
        {{<frame}}{{$content}}
        <div{{#live}} data-run="{{id}}"{{/live}}>
        <div class="head"><h1>{{name}}</h1>
        <span class="badge {{kind}}" data-live="status">{{status}}</span>
        {{#verdict}}<span class="badge {{verdictKind}}">{{verdict}}</span>{{/verdict}}</div>
        <p class="meta"><span>{{started}}</span>{{#lasted}}<span>lasted {{lasted}}</span>{{/lasted}}
        {{#live}}<span>second <b data-live="second">0</b></span>{{/live}}<span>run <code>{{id}}</code></span></p>

        {{#failure}}<section class="card note"><h2>{{failureTitle}}</h2><p>{{failure}}</p></section>{{/failure}}
        {{#diagnoses}}
        <section class="card note">
        <h2>{{title}} <span class="soft">{{count}}</span></h2>
        <ul>{{#evidence}}<li>{{.}}</li>{{/evidence}}</ul>
        <p>{{remedy}}</p>
        </section>
        {{/diagnoses}}

        <dl class="tiles">
        <div class="tile"><dt>Registered</dt><dd><span data-live="registered">{{registered}}</span> <small>of {{endpoints}}</small></dd></div>
        {{#live}}<div class="tile"><dt>Calls up</dt><dd data-live="callsUp">0</dd></div>{{/live}}
        <div class="tile"><dt>Calls established</dt><dd><span data-live="callsEstablished">{{established}}</span>
        {{#callsOf}}<small>of {{callsOf}}</small>{{/callsOf}}</dd></div>
        <div class="tile"><dt>Endpoints failed</dt><dd data-live="failed">{{failed}}</dd></div>
        {{#mos}}<div class="tile"><dt>MOS, average</dt><dd>{{mos}}</dd></div>{{/mos}}
        </dl>

        {{#live}}
        <section class="card">
        <h2>Now</h2>
        <div class="legend"><span><i></i>calls up</span><span><i class="registered"></i>registered</span><span>full height <b data-live="peak">0</b></span></div>
        <svg class="chart" viewBox="0 0 1000 150" preserveAspectRatio="none" role="img" aria-label="Calls up and endpoints registered over time">
        <line x1="0" y1="146" x2="1000" y2="146"></line><polyline class="registered"></polyline><polyline class="calls"></polyline>
        </svg>
        </section>
        {{/live}}

        {{#hasFigures}}
        <div class="pair">
        <section class="card"><h2>Delays</h2>
        <table class="plain"><thead><tr><th></th><th class="number">p50</th><th class="number">p95</th><th class="number">p99</th>
        <th class="number">max</th></tr></thead>
        <tbody>{{#delays}}<tr><th>{{name}}</th>{{#values}}<td class="number">{{.}}</td>{{/values}}</tr>{{/delays}}</tbody></table>
        </section>
        {{#media}}
        <section class="card"><h2>Audio</h2>
        <table class="plain"><thead><tr><th></th><th class="number">avg</th><th class="number">min</th><th class="number">max</th></tr></thead>
        <tbody>{{#rows}}<tr><th>{{name}}</th>{{#values}}<td class="number">{{.}}</td>{{/values}}</tr>{{/rows}}</tbody></table>
        </section>
        {{/media}}
        {{#hasThresholds}}
        <section class="card"><h2>Thresholds</h2>
        <table class="plain"><tbody>{{#thresholds}}<tr><td class="wide"><code>{{text}}</code></td><td class="number">{{value}}</td>
        <td class="number"><span class="badge {{kind}}">{{word}}</span></td></tr>{{/thresholds}}</tbody></table>
        </section>
        {{/hasThresholds}}
        {{#generator}}
        <section class="card"><h2>Load generator</h2>
        <p><span class="badge {{kind}}">{{word}}</span> {{lateness}}</p>
        {{#reasons}}<p class="soft">{{.}}</p>{{/reasons}}
        </section>
        {{/generator}}
        </div>
        {{/hasFigures}}

        {{#hasEndpoints}}
        <section class="card flush">
        {{#hasOutcomes}}<nav class="chips" aria-label="Endpoints by outcome">{{#outcomes}}<a class="chip" href="{{link}}"{{#current}} aria-current="true"{{/current}}>{{count}} {{name}}</a>{{/outcomes}}</nav>{{/hasOutcomes}}
        <table>
        <thead><tr><th class="number">#</th><th>Group</th><th>Account</th><th>Outcome</th><th>Phase</th><th>Registration</th>
        <th class="number">Delay</th><th>Call</th><th class="number">Post-dial</th><th class="number">MOS</th></tr></thead>
        <tbody>
        {{#rows}}<tr><td class="number">{{index}}</td><td>{{group}}</td><td>{{username}}</td>
        <td><span class="badge {{kind}}">{{outcome}}</span></td><td class="soft">{{phase}}</td><td>{{registration}}</td><td class="number">{{delay}}</td>
        <td>{{call}}</td><td class="number">{{postDial}}</td><td class="number">{{mos}}</td></tr>
        {{/rows}}
        </tbody>
        </table>
        <div class="foot">{{shown}}</div>
        </section>
        {{/hasEndpoints}}
        </div>
        {{/content}}{{/frame}}
        """#
}
