using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Console;

/// <summary>
/// Ctrl-A c: a prompt on the terminal, behind which the Guest stands still, between two instructions, and lets itself be
/// looked at.
/// </summary>
/// <remarks>
/// <para>
/// The Guest's thread comes here as it comes to a device with something to do, and sleeps until the monitor is closed. So the
/// reader's thread, which types and answers, may read all of the machine. The Host's clock goes on: to the Guest it is
/// as if its machine had been very slow for a while.
/// </para>
/// <para>
/// A Guest whose thread does not come (it waits for somebody to read stdout) cannot be looked at, and the monitor
/// says so. A request to stop closes it.
/// </para>
/// </remarks>
/// <param name="terminal">Where it prompts and answers: stderr, for stdout is the Guest's.</param>
/// <param name="quit">Ends the session.</param>
internal sealed class GuestMonitor(TextWriter terminal, Action quit) : IGuestThreadWork
{
    private const string Prompt = "(lguest) ";

    private const string Commands =
        """
        continue, c    let the Guest go on; also Ctrl-D
        registers, r   registers, lguest's state, code and stack
        stats, s       the table of --stats, so far
        info, i        the machine and its devices
        quit, q        end the Guest and leave
        help, h        this list
        """;

    private const int PatienceMilliseconds = 5000;

    private readonly object _gate = new();
    private readonly LineEditor _editor = new(terminal);
    private IMonitorTarget? _target;
    private volatile bool _open;
    private bool _standsStill;
    private bool _closedForGood;

    /// <summary>What is typed is for us.</summary>
    public bool IsOpen => _open;

    /// <inheritdoc/>
    public bool HasWork => _open;

    /// <summary>A Guest to look at, from now to <see cref="Detach"/>.</summary>
    public void Attach(IMonitorTarget target)
    {
        lock (_gate)
        {
            _target = target;
        }
    }

    /// <summary>That Guest has ended.</summary>
    public void Detach()
    {
        lock (_gate)
        {
            _target = null;
        }
    }

    /// <summary>Stops the Guest and prompts. Reader's thread.</summary>
    public void Open()
    {
        lock (_gate)
        {
            if (_closedForGood)
            {
                return;
            }

            _open = true;
            _target?.Knock();
        }

        terminal.WriteLine();
        terminal.WriteLine("The Guest stands still. help lists what can be done.");
        terminal.Write(Prompt);
    }

    /// <summary>Keys for an open monitor. Reader's thread.</summary>
    /// <returns>How many were for us: all, or those up to the one that closed it.</returns>
    public int Type(ReadOnlySpan<byte> typed)
    {
        for (int i = 0; i < typed.Length; i++)
        {
            if (!_open)
            {
                return i;
            }

            if (_editor.Type(typed[i]) is { } line)
            {
                Obey(line.Trim());
                if (_open)
                {
                    terminal.Write(Prompt);
                }
            }
        }

        return typed.Length;
    }

    /// <summary>The Guest's thread stands here while the monitor is open.</summary>
    public void RunOnGuestThread()
    {
        lock (_gate)
        {
            _standsStill = true;
            Monitor.PulseAll(_gate);
            while (_open)
            {
                Monitor.Wait(_gate);
            }

            _standsStill = false;
        }
    }

    /// <summary>Closes it, and keeps it closed: there is nothing to be looked at any more. Any thread.</summary>
    public void CloseForGood()
    {
        lock (_gate)
        {
            _closedForGood = true;
            Close();
        }
    }

    private void Close()
    {
        lock (_gate)
        {
            _open = false;
            Monitor.PulseAll(_gate);
        }
    }

    private void Obey(string line)
    {
        switch (line)
        {
            case "":
                break;
            case "continue" or "c" or LineEditor.End:
                Close();
                break;
            case "registers" or "r":
                Show(static (target, writer) => target.WriteState(writer));
                break;
            case "stats" or "s":
                Show(static (target, writer) => target.WriteStatistics(writer));
                break;
            case "info" or "i":
                Show(static (target, writer) => target.WriteMachine(writer));
                break;
            case "quit" or "q":
                Close();
                quit();
                break;
            case "help" or "h" or "?":
                terminal.WriteLine(Commands);
                break;
            default:
                terminal.WriteLine($"'{line}' is nothing that can be done; help lists what can");
                break;
        }
    }

    private void Show(Action<IMonitorTarget, TextWriter> write)
    {
        lock (_gate)
        {
            long deadline = Environment.TickCount64 + PatienceMilliseconds;
            while (_target is not null && !_standsStill && Environment.TickCount64 < deadline)
            {
                Monitor.Wait(_gate, (int)Math.Max(1, deadline - Environment.TickCount64));
            }

            if (_target is not { } target)
            {
                terminal.WriteLine("There is no Guest at the moment.");
            }
            else if (!_standsStill)
            {
                terminal.WriteLine("The Guest does not come to a halt: nobody takes its output.");
            }
            else
            {
                write(target, terminal);
            }
        }
    }
}
