using System.Diagnostics;
using Iced.Intel;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tests.Session;

/// <summary>The program with a terminal for its stdin: whatever becomes of the Guest, the terminal is given back as it was.</summary>
public sealed class TerminalTests : IDisposable
{
    private const uint Bar = (256 << 20) + (1 << 20);

    private readonly PseudoTerminal? _terminal = OperatingSystem.IsLinux() ? new PseudoTerminal() : null;

    public void Dispose() => _terminal?.Dispose();

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    [InlineData("QUIT", 131)]
    public void After_a_signal(string signal, int exitCode)
    {
        if (_terminal is null)
        {
            return;
        }

        using var run = new TerminalRun(_terminal, new TinyGuest().Print("!").LoopForEver());
        run.WaitFor('!');
        Assert.True(_terminal.IsRaw);
        run.Signal(signal);
        Assert.Equal(exitCode, run.WaitForExit());
        Assert.True(_terminal.IsCooked);
    }

    /// <summary>nohup: who was started with hang-ups ignored goes on ignoring them.</summary>
    [Fact]
    public void Hang_ups_are_ignored_by_who_was_told_to()
    {
        if (_terminal is null)
        {
            return;
        }

        using var run = new TerminalRun(_terminal, new TinyGuest().Print("!").LoopForEver(), "trap '' HUP;");
        run.WaitFor('!');
        run.Signal("HUP");
        _terminal.Type("\u0001h");
        run.WaitForError("Ctrl-A c: monitor");
        run.Signal("TERM");
        Assert.Equal(143, run.WaitForExit());
        Assert.True(_terminal.IsCooked);
    }

    [Fact]
    public void After_the_Guest_was_killed()
    {
        if (_terminal is null)
        {
            return;
        }

        using var run = new TerminalRun(_terminal, new TinyGuest().Initialise().Shutdown("Oh dear"));
        Assert.Equal(3, run.WaitForExit());
        Assert.True(_terminal.IsCooked);
    }

    [Fact]
    public void After_the_quit_key()
    {
        if (_terminal is null)
        {
            return;
        }

        using var run = new TerminalRun(_terminal, new TinyGuest().Print("!").LoopForEver());
        run.WaitFor('!');
        _terminal.Type("\u0001x");
        Assert.Equal(0, run.WaitForExit());
        Assert.True(_terminal.IsCooked);
    }

    [Fact]
    public void Who_stops_us_gets_it_back_for_as_long()
    {
        if (_terminal is null)
        {
            return;
        }

        using var run = new TerminalRun(_terminal, new TinyGuest().Print("!").LoopForEver());
        run.WaitFor('!');
        run.Signal("TSTP");

        // It gives the terminal back and then stops: told to go on in between it would stop after that, for good.
        run.WaitUntilStopped();
        Assert.True(_terminal.IsCooked);
        run.Signal("CONT");
        Assert.True(Patience.Until(() => _terminal.IsRaw));
        run.Signal("TERM");
        Assert.Equal(143, run.WaitForExit());
        Assert.True(_terminal.IsCooked);
    }

    [Fact]
    public void The_Guest_knows_how_large_it_is_and_hears_when_that_changes()
    {
        if (_terminal is null)
        {
            return;
        }

        _terminal.Resize(columns: 0x4142, rows: 0x4344);
        using var run = new TerminalRun(_terminal, SizeGuest());
        Assert.Equal("BADC", run.Read(4));
        _terminal.Resize(columns: 0x6162, rows: 0x6364);
        run.Signal("WINCH");
        Assert.Equal("badc", run.Read(4));
        Assert.Equal(0, run.WaitForExit());
    }

    [Fact]
    public void The_monitor_shows_a_Guest_that_stands_still_and_lets_it_go_on()
    {
        if (_terminal is null)
        {
            return;
        }

        using var run = new TerminalRun(_terminal, new TinyGuest().Print("!").LoopForEver());
        run.WaitFor('!');
        _terminal.Type("\u0001c");
        run.Ask("registrrr\u007F\u007F\u007Fers\r", "eax ");
        run.WaitForError("code:");
        run.Ask("info\r", "console: no driver");
        run.Ask("stats\r", "instructions");
        _terminal.Type("nonsense\r");
        run.WaitForError("'nonsense' is nothing that can be done");
        _terminal.Type("c\r\u0001h");
        run.WaitForError("Ctrl-A c: monitor");
        _terminal.Type("\u0001cq\r");
        Assert.Equal(0, run.WaitForExit());
        Assert.True(_terminal.IsCooked);
    }

    [Fact]
    public void A_signal_gets_through_to_an_open_monitor()
    {
        if (_terminal is null)
        {
            return;
        }

        using var run = new TerminalRun(_terminal, new TinyGuest().Print("!").LoopForEver());
        run.WaitFor('!');
        _terminal.Type("\u0001c");
        run.Ask("r\r", "eax ");
        run.Signal("TERM");
        Assert.Equal(143, run.WaitForExit());
        Assert.True(_terminal.IsCooked);
    }

    /// <summary>Prints the four bytes of the size, waits to be told of a change, prints them again.</summary>
    private static TinyGuest SizeGuest()
    {
        var guest = new TinyGuest();
        guest.Initialise();
        Assembler a = guest.Assembler;
        foreach ((uint register, int size, uint value) in new (uint, int, uint)[]
        {
            (VirtioRegister.DeviceStatus, 1, 1), (VirtioRegister.DeviceStatus, 1, 3),
            (VirtioRegister.DriverFeature, 4, 1), (VirtioRegister.DriverFeatureSelect, 4, 1), (VirtioRegister.DriverFeature, 4, 1),
            (VirtioRegister.DeviceStatus, 1, 0xB), (VirtioRegister.DeviceStatus, 1, 0xF),
        })
        {
            a.mov(eax, value);
            if (size == 1)
            {
                a.mov(__byte_ptr[Bar + register], al);
            }
            else
            {
                a.mov(__dword_ptr[Bar + register], eax);
            }
        }

        PrintSize(a);
        Label wait = a.CreateLabel();
        a.Label(ref wait);
        a.mov(al, __byte_ptr[Bar + VirtioRegister.Isr]);
        a.test(al, 2);
        a.je(wait);
        PrintSize(a);
        return guest.PowerOff();
    }

    private static void PrintSize(Assembler a)
    {
        a.mov(dx, 0x3F8);
        for (uint i = 0; i < 4; i++)
        {
            a.mov(al, __byte_ptr[Bar + VirtioRegister.Config + i]);
            a.@out(dx, al);
        }
    }

    /// <summary>A process whose stdin is the terminal, and whose stdout and stderr are ours.</summary>
    private sealed class TerminalRun : IDisposable
    {
        /// <summary>The monitor's answer if the Guest's thread has not come within its patience.</summary>
        private const string NotYet = "The Guest does not come to a halt";

        private readonly PseudoTerminal _terminal;
        private readonly TemporaryFile _kernel;
        private readonly Process _process;
        private readonly System.Text.StringBuilder _errors = new();
        private int _seen;

        /// <param name="terminal">Its stdin.</param>
        /// <param name="guest">What it runs.</param>
        /// <param name="before">What the shell does that starts it.</param>
        public TerminalRun(PseudoTerminal terminal, TinyGuest guest, string before = "")
        {
            _terminal = terminal;
            _kernel = new TemporaryFile(guest.ToElf());
            var start = new ProcessStartInfo("sh") { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (string argument in new[]
            {
                "-c", before + "exec \"$@\" <>\"$0\"", terminal.Path, Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
                Path.Combine(AppContext.BaseDirectory, "lguest-jit.dll"), "run", "--timeout", "600s", "--kernel", _kernel.Path,
            })
            {
                start.ArgumentList.Add(argument);
            }

            _process = ChildProcess.Start(start);
            _process.ErrorDataReceived += (_, line) =>
            {
                lock (_errors)
                {
                    _errors.AppendLine(line.Data);
                }
            };
            _process.BeginErrorReadLine();
        }

        public void WaitFor(char c) => Assert.Equal(c, _process.StandardOutput.Read());

        public string Read(int length)
        {
            char[] text = new char[length];
            Assert.Equal(length, _process.StandardOutput.ReadBlock(text, 0, length));
            return new string(text);
        }

        /// <summary>Waits for words on stderr behind those of the last call.</summary>
        public void WaitForError(string words) => Assert.Equal(words, WaitForAny(words));

        /// <summary>
        /// Types something at the monitor's prompt, and waits for words of the answer. A Guest's thread that gets no turn at the Host is told of
        /// as one that does not come: then it is asked again.
        /// </summary>
        public void Ask(string keys, string words) => Assert.True(Patience.OneOf(20, () =>
        {
            _terminal.Type(keys);
            return WaitForAny(words, NotYet) == words;
        }));

        /// <summary>Waits for what stands behind the words of the last call.</summary>
        /// <returns>Those that came first.</returns>
        private string WaitForAny(params string[] alternatives)
        {
            string? found = null;
            _ = Patience.Until(() =>
            {
                lock (_errors)
                {
                    string errors = _errors.ToString();
                    (int At, string Words)[] here =
                    [
                        .. alternatives.Select(words => (errors.IndexOf(words, _seen, StringComparison.Ordinal), words)).Where(static place => place.Item1 >= 0),
                    ];
                    if (here.Length > 0)
                    {
                        (int at, found) = here.MinBy(static place => place.At);
                        _seen = at + found.Length;
                    }

                    return found != null;
                }
            });
            Assert.True(found != null, $"'{alternatives[0]}' in: {Errors()}");
            return found!;
        }

        /// <summary>Waits until somebody has stopped it (proc(5), /proc/pid/stat: the state behind the name).</summary>
        public void WaitUntilStopped() => Assert.True(Patience.Until(() =>
        {
            string stat = File.ReadAllText($"/proc/{_process.Id}/stat");
            return stat[stat.LastIndexOf(')') + 2] == 'T';
        }));

        public void Signal(string name)
        {
            using Process shell = Process.Start("sh", ["-c", $"kill -{name} {_process.Id}"]);
            Assert.True(shell.WaitForExit(Patience.Limit));
        }

        public int WaitForExit()
        {
            bool ended = _process.WaitForExit(Patience.Limit);
            Assert.True(ended, Errors());
            return _process.ExitCode;
        }

        /// <summary>What it has said so far; it may be saying more.</summary>
        private string Errors()
        {
            lock (_errors)
            {
                return _errors.ToString();
            }
        }

        public void Dispose()
        {
            if (!_process.HasExited)
            {
                _process.Kill();
            }

            _process.Dispose();
            _kernel.Dispose();
        }
    }
}
