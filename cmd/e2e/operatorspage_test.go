package e2e

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/golang-jwt/jwt/v5"

	"hearth/infra/client"
	"hearth/infra/gateway"
	"hearth/messages"
	"hearth/messages/wire"
)

// TestAnOperatorBesideAUser: with AUTH=jwt one page has the user's session by the user's token and the pool by the operator's.
func TestAnOperatorBesideAUser(t *testing.T) {
	dir := sharedDir(t)
	secret, operator := rand.Text()+rand.Text(), rand.Text()+rand.Text()
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "AUTH=jwt", "JWT_SECRET="+secret, "OPERATOR_TOKEN="+operator,
		"AGENT_IO=pty", "AGENT_COMMAND=bash --norc -i")
	claims := jwt.RegisteredClaims{Subject: "ann", ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour))}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	p := page{t, browser(t, g.base+"/?token="+token, 1200, 760, true)}
	p.shows("#status", "warm in")
	p.do(chromedp.Click("#pool-toggle", chromedp.ByQuery), chromedp.WaitVisible("#operator", chromedp.ByQuery))
	p.do(chromedp.SendKeys("#operator-token", "a guess\r", chromedp.ByQuery))
	p.shows("#refused", "not the operator's token")
	p.do(chromedp.SendKeys("#operator-token", operator+"\r", chromedp.ByQuery))
	p.do(chromedp.WaitVisible("#tasks .assigned", chromedp.ByQuery))
	p.shows("#sessions", "ann")
	p.types("echo still An''n\r")
	p.shows(".xterm-rows", "still Ann")
	p.picture("operator")
	p.do(chromedp.Click(`#sessions [aria-label^="end session"]`, chromedp.ByQuery))
	p.shows("#sessions", "sure?")
	p.do(chromedp.Click(`#sessions [aria-label^="end session"]`, chromedp.ByQuery))
	p.shows("#status", "ended: operator")
}

// TestThePoolOnTheInternalListener: where there are no sockets for clients the page is the pool alone.
func TestThePoolOnTheInternalListener(t *testing.T) {
	s := openSite(t, func(c *gateway.Config) { c.InternalListenAddr = "127.0.0.1:0" })
	p := page{t, browser(t, s.base+"/?token="+s.operator, 1000, 600, false)}
	p.do(chromedp.WaitVisible("#tasks .ready", chromedp.ByQuery))
	if p.isTrue(`document.getElementById("shell").checkVisibility()`) {
		t.Error("there is a terminal that nobody answers")
	}
}

// TestAnOperatorAttaches to another user's session: the program there draws its screen anew.
func TestAnOperatorAttaches(t *testing.T) {
	g, p := openConsole(t, 1200, 760, false)
	var token string
	p.do(chromedp.Evaluate(`sessionStorage.getItem("token")`, &token))
	bob := connect(t, "bob", g.at, func(c *client.Config) { c.DevToken = wire.Secret(token) })
	bob.ready()
	p.openPool()
	p.shows("#sessions", "bob")
	p.do(chromedp.Click(`#sessions [aria-label="attach to session `+string(bob.ID())+`"]`, chromedp.ByQuery))
	p.shows("#status", "resumed")
	p.types("echo I am $USER\r")
	p.shows(".xterm-rows", "I am bob")
}

// TestTheConsoleForEverybody: nothing moves by itself, everything that can be pressed has a name, text is legible on its ground, and
// the keyboard leads into the terminal and out of it.
func TestTheConsoleForEverybody(t *testing.T) {
	for name, dark := range map[string]bool{"light": false, "dark": true} {
		t.Run(name, func(t *testing.T) {
			g, p := openConsole(t, 1200, 760, dark)
			p.openPool()
			var token string
			p.do(chromedp.Evaluate(`sessionStorage.getItem("token")`, &token))
			g.operator = token
			time.Sleep(time.Second) // what follows within half a second of a key or a click is its effect
			g.must(http.MethodPost, "/api/pool", `{"min":6,"max":12}`)
			g.awaitStatus("more tasks", func(s messages.PoolStatus) bool { return s.Pool.Ready == 6 })
			eventually(t, "the page shows them", func() bool { return p.isTrue(`document.querySelectorAll("#tasks .ready").length === 6`) })
			var shift float64
			p.do(chromedp.Evaluate(layoutShift, &shift, awaitPromise))
			if shift > 0.01 {
				t.Errorf("the page moves by itself: a layout shift of %.3f", shift)
			}
			var faint []string
			p.do(chromedp.Evaluate(illegible, &faint))
			if len(faint) > 0 {
				t.Errorf("contrast below 4.5: %s", strings.Join(faint, "; "))
			}
			p.do(chromedp.Evaluate(nameless, &faint))
			if len(faint) > 0 {
				t.Errorf("without a name: %s", strings.Join(faint, "; "))
			}
			p.types("") // the terminal has the focus
			p.presses("F6", 117, input.ModifierCtrl)
			if !p.isTrue(`document.activeElement.id === "pool-toggle"`) {
				t.Error("Ctrl+F6 does not lead out of the terminal")
			}
			p.presses("F6", 117, input.ModifierCtrl)
			if !p.isTrue(`document.activeElement.className === "xterm-helper-textarea"`) {
				t.Error("Ctrl+F6 does not lead back into the terminal")
			}
		})
	}
}

// awaitPromise has a script's promise settled before its value is taken.
func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// layoutShift adds up what has moved without a user's doing since the page was loaded.
const layoutShift = `new Promise((done) => new PerformanceObserver((list) => done(list.getEntries().filter((each) => !each.hadRecentInput)
	.reduce((sum, each) => sum + each.value, 0))).observe({ type: "layout-shift", buffered: true }) ?? setTimeout(() => done(0), 300))`

// illegible lists the elements with text of their own whose contrast to what is behind them is below 4.5 (WCAG 2, AA).
const illegible = `(() => {
	const parse = (color) => color.match(/[\d.]+/g).map(Number);
	const luminance = (color) => parse(color).slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const ground = (node) => { for (; node; node = node.parentElement) {
		const color = getComputedStyle(node).backgroundColor; if (parse(color)[3] !== 0) return color; } return "rgb(255,255,255)"; };
	return [...document.querySelectorAll("body *:not(.xterm *)")].filter((node) => node.checkVisibility() && !node.disabled &&
		[...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())).flatMap((node) => {
			const [a, b] = [luminance(getComputedStyle(node).color), luminance(ground(node))];
			const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
			return contrast < 4.5 ? [node.tagName + "." + node.className + " " + node.textContent.slice(0, 20) + " " + contrast.toFixed(2)] : [];
		});
})()`

// nameless lists what can be pressed, filled in or entered and has no name that a screen reader could say.
const nameless = `[...document.querySelectorAll("button, input, textarea, svg, aside, section[id], nav, table, [role], [tabindex='0']")]
	.filter((node) => node.checkVisibility() && !node.closest(".xterm-accessibility") && !["status", "alert", "presentation"].includes(node.role)).filter((node) =>
		!(node.ariaLabel || node.labels?.length || node.caption || node.closest("[aria-labelledby]") || (node.tagName === "BUTTON" && node.textContent.trim())))
	.map((node) => node.outerHTML.slice(0, 80))`
