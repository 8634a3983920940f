package e2e

import (
	"strings"
	"syscall"
	"testing"

	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"hearth/messages"
	"hearth/messages/wire"
)

// TestAReloadedPageShowsItsTerminal: what was on the screen and above it, what came while there was no page, each once; and the
// session goes on.
func TestAReloadedPageShowsItsTerminal(t *testing.T) {
	_, p := openConsole(t, 900, 500, false)
	p.types("seq -f 'line %g.' 300; (sleep 1; echo mean''while) &\r")
	p.shows(".xterm-rows", "line 300.")
	for range 3 { // also what was restored is kept
		p.do(chromedp.Reload())
		p.shows("#status", "resumed")
	}
	p.shows(".xterm-rows", "meanwhile")
	p.types("echo still he''re\r")
	p.shows(".xterm-rows", "still here")
	p.do(chromedp.Evaluate(`dispatchEvent(new Event("pagehide"))`, nil))
	var text string
	p.do(chromedp.Evaluate(`JSON.parse(sessionStorage.getItem("session")).text`, &text))
	for _, line := range []string{"line 1.", "line 299.", "line 300.", "meanwhile", "still here"} {
		if n := strings.Count(text, line); n != 1 {
			t.Errorf("%q stands there %d times", line, n)
		}
	}
	if strings.Contains(text, "gone") {
		t.Errorf("something is said to be gone: %q", text)
	}
	p.picture("reloaded")
}

// TestAReloadWithAProgramOnTheScreen shows that program, and the shell's screen after it.
func TestAReloadWithAProgramOnTheScreen(t *testing.T) {
	vim := findProgram(t, "vim", "vim.tiny", "vi")
	_, p := openConsole(t, 900, 500, false)
	p.types("echo be''fore; " + vim + "\r")
	p.shows(".xterm-rows", "~")
	p.types("isome text")
	p.shows(".xterm-rows", "some text")
	p.do(chromedp.Reload())
	p.shows("#status", "resumed")
	p.shows(".xterm-rows", "some text")
	p.types(" and more")
	p.shows(".xterm-rows", "some text and more")
	p.presses("Escape", 27, 0)
	p.types(":q!\r")
	p.shows(".xterm-rows", "before")
}

// TestTwoTabsOfOneSession: a second tab with the same session takes it over with all that the first one showed; the first says so
// and can take it back, with what came meanwhile.
func TestTwoTabsOfOneSession(t *testing.T) {
	_, one := openConsole(t, 900, 500, false)
	one.types("echo from the fi''rst\r")
	one.shows(".xterm-rows", "from the first")
	eventually(t, "the first tab has kept it", func() bool {
		return one.isTrue(`(JSON.parse(sessionStorage.getItem("session")).text ?? "").includes("from the first")`)
	})
	opened := chromedp.WaitNewTarget(one.ctx, func(info *target.Info) bool { return info.Type == "page" })
	one.do(chromedp.Evaluate(`void open(location.href)`, nil))
	ctx, cancel := chromedp.NewContext(one.ctx, chromedp.WithTargetID(<-opened))
	t.Cleanup(cancel)
	two := page{t, ctx}
	two.shows("#status", "resumed")
	two.shows(".xterm-rows", "from the first")
	two.types("echo from the se''cond\r")
	two.shows(".xterm-rows", "from the second")
	one.shows("#status", "in use in another window")
	one.do(cdpage.BringToFront(), chromedp.Click("#back", chromedp.ByQuery)) // what is behind draws nothing
	one.shows(".xterm-rows", "from the second")
	two.shows("#status", "in use in another window")
}

// TestATabWithoutItsScreen, as when the browser had no room for it, has the program draw it anew.
func TestATabWithoutItsScreen(t *testing.T) {
	vim := findProgram(t, "vim", "vim.tiny", "vi")
	_, p := openConsole(t, 900, 500, false)
	p.types(vim + "\r")
	p.shows(".xterm-rows", "~")
	p.types("isome text")
	p.shows(".xterm-rows", "some text")
	p.do(chromedp.Evaluate(`{
		const set = Storage.prototype.setItem;
		Storage.prototype.setItem = function (key, value) {
			if (value.length > 1000) throw new DOMException("no room", "QuotaExceededError");
			set.call(this, key, value);
		};
	}`, nil), chromedp.Reload())
	p.shows("#status", "resumed")
	p.shows(".xterm-rows", "some text")
}

// TestThePageSeesARestart: its task is killed, and the page says what goes on until another has its shell.
func TestThePageSeesARestart(t *testing.T) {
	g, p := openConsole(t, 900, 500, false)
	var token string
	p.do(chromedp.Evaluate(`sessionStorage.getItem("token")`, &token))
	g.operator = token
	var task wire.TaskID
	g.awaitStatus("the session has its task", func(s messages.PoolStatus) bool {
		for _, each := range s.Sessions {
			task = each.Task
		}
		return task != ""
	})
	p.types("echo the first sh''ell\r")
	p.shows(".xterm-rows", "the first shell")
	p.do(chromedp.Evaluate(`window.said = []; new MutationObserver(() => said.push(document.getElementById("status").textContent)).observe(document.getElementById("status"), { childList: true })`, nil))
	signalTask(t, g.dir, task, syscall.SIGKILL)
	eventually(t, "the page has told of the restart and of its end", func() bool {
		return p.isTrue(`said.some((text) => /^(reconnecting|restarting)/.test(text)) && /^(warm|cold) in/.test(said.at(-1))`)
	})
	p.types("echo the ne''xt shell\r")
	p.shows(".xterm-rows", "the next shell")
	p.shows(".xterm-rows", "the first shell") // the screen is still there
}

// TestThePageResumesAfterTheGatewayWasKilled: what the shell said meanwhile is on the screen once.
func TestThePageResumesAfterTheGatewayWasKilled(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "bash --norc -i", "AGENT_IO=pty")
	address := openProxy(t) // as a load balancer's
	environment := append(ecs.gatewayEnvironment(address.ws()), "WARM_POOL_MIN_SIZE=1", "STOP_GRACE=1s", "DRAIN_TIMEOUT=1s")
	first := startGateway(t, dir, environment...)
	aim(t, address, first)
	p := page{t, browser(t, "http"+strings.TrimPrefix(address.ws(), "ws"), 900, 500, false)}
	p.shows(".xterm-rows", "$")
	p.types("for i in $(seq 30); do echo count''ed $i.; sleep 0.2; done\r")
	p.shows(".xterm-rows", "counted 3.")
	first.signal(syscall.SIGKILL)
	first.exit()
	p.shows("#status", "reconnecting")
	second := startGateway(t, dir, environment...)
	aim(t, address, second)
	p.shows("#status", "resumed")
	p.shows(".xterm-rows", "counted 30.")
	p.do(chromedp.Evaluate(`dispatchEvent(new Event("pagehide"))`, nil))
	var text string
	p.do(chromedp.Evaluate(`JSON.parse(sessionStorage.getItem("session")).text`, &text))
	if n := strings.Count(text, "counted "); n != 30 {
		t.Errorf("%d of 30 lines are on the screen:\n%s", n, text)
	}
}

// TestAFloodLeavesThePageResponsive: while a thousand lines a second come it draws, answers and takes the interrupt.
func TestAFloodLeavesThePageResponsive(t *testing.T) {
	_, p := openConsole(t, 1200, 760, false)
	p.do(chromedp.Evaluate(`window.worst = 0; window.frames = 0; (function frame(before) {
		requestAnimationFrame((now) => { worst = Math.max(worst, now - before); frames++; frame(now); });
	})(performance.now())`, nil))
	p.types("for i in $(seq 6000); do seq -f 'line %g of a hundred' 100; sleep 0.1; done; echo never\r")
	p.shows(".xterm-rows", "line 100 of a hundred")
	for range 10 { // it draws, and it answers
		before := p.number(`frames`)
		eventually(t, "the page draws", func() bool { return p.number(`frames`) > before })
	}
	p.presses("c", 67, 2) // Ctrl
	p.types("echo st''opped\r")
	p.shows(".xterm-rows", "stopped")
	t.Logf("the longest time without a frame: %.0f ms", p.number(`worst`))
}
