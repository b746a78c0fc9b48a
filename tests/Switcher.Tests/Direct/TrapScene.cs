using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Switcher.Tests.EndToEnd;
using Lguest.Jit.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>
/// A Guest with a user program, run with both engines and with both paths for traps. Three system calls come first, so that the
/// direct path is warm when it becomes interesting; <c>int 5</c> has the kernel change something; every handler writes down its
/// frame; <c>int 9</c> ends it. All four runs have to have written the same.
/// </summary>
internal sealed class TrapScene
{
    public const uint Syscall = 0x80;
    public const uint Control = 5;
    public const uint Finish = 9;

    /// <summary>Words that a handler writes down: seven from the stack, then esp, ss, irq_enabled and the vector.</summary>
    public const int RecordWords = 11;

    /// <summary>A spare handler, which says that it is vector 0x81.</summary>
    public const uint Other = 0x81;

    private const uint Cursor = AssembledGuest.Log;
    private const uint Records = AssembledGuest.Log + 0x40;

    /// <summary>Gates beside those for system calls, control and end, with their flags.</summary>
    public Dictionary<uint, uint> Gates { get; } = [];

    /// <summary>The gate of the system call.</summary>
    public uint SyscallFlags { get; init; } = 0xEE00;

    public uint SyscallVector { get; init; } = Syscall;

    /// <summary>What the kernel does on <c>int 5</c>; all registers are saved.</summary>
    public Action<Assembler> OnControl { get; init; } = static _ => { };

    /// <summary>Runs in the kernel before ring 3 is entered.</summary>
    public Action<Assembler> OnBoot { get; init; } = static _ => { };

    /// <summary>In the handler of system calls, after it has written down its frame; registers are saved.</summary>
    public Action<Assembler> OnSyscall { get; init; } = static _ => { };

    /// <summary>The end of handlers of other vectors, before their iret: drops error codes and the like.</summary>
    public Dictionary<uint, Action<Assembler>> Endings { get; } = [];

    /// <summary>The user's program behind the three calls.</summary>
    public required Action<Assembler> User { get; init; }

    /// <summary>Code beside that of handlers and user.</summary>
    public Action<AssembledGuest> Extra { get; init; } = static _ => { };

    /// <summary>May the direct path have fewer exits than this? (Three calls, less the first, which teaches it.)</summary>
    public int ExitsSaved { get; init; } = 2;

    /// <summary>Runs it all four ways.</summary>
    /// <returns>What was written down, and how it ended.</returns>
    public (List<uint[]> Records, string End) Play()
    {
        Outcome expected = Run(direct: false, static m => new InterpreterEngine(m));
        Outcome[] others =
        [
            Run(direct: true, static m => new InterpreterEngine(m)),
            Run(direct: false, static m => new TieredEngine(m, threshold: 0)),
            Run(direct: true, static m => new TieredEngine(m, threshold: 0)),
        ];
        foreach (Outcome other in others)
        {
            Assert.Equal(expected.End, other.End);
            Assert.Equal(expected.Records, other.Records);
            Assert.Equal(expected.Traps, other.Traps);
        }

        Assert.InRange(others[0].Exits, 0, expected.Exits - ExitsSaved);
        Assert.InRange(others[2].Exits, 0, expected.Exits - ExitsSaved);
        return (expected.Records, expected.End);
    }

    private Outcome Run(bool direct, Func<GuestMachine, IExecutionEngine> engine)
    {
        var options = new GuestOptions { DirectTraps = direct, SyscallVector = (int)SyscallVector };
        using var guest = new AssembledGuest(options, engine);
        guest[Cursor] = Records;
        guest[AssembledGuest.Data + LguestData.SyscallVec] = SyscallVector;
        PlaceHandlers(guest);
        Extra(guest);
        _ = guest.Place(AssembledGuest.Entry, c =>
        {
            c.Begin();
            c.TurnPagingOn();
            c.LoadGate(SyscallVector, SyscallFlags);
            c.LoadGate(Control, 0xEF00);
            c.LoadGate(Finish, 0xEF00);
            foreach ((uint vector, uint flags) in Gates)
            {
                c.LoadGate(vector, flags);
            }

            c.PrepareUserMode();
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x202);
            OnBoot(c);
            c.PushUserFrame();
            c.iretd();
        });
        _ = guest.Place(AssembledGuest.UserCode, c =>
        {
            Label again = c.CreateLabel();
            c.mov(edi, 3);
            c.Label(ref again);
            c.@int((byte)SyscallVector);
            c.dec(edi);
            c.jne(again);
            User(c);
            c.@int((byte)Finish);
        });
        string end = guest.Run().Message;
        guest.AssertTablesFitTheRing();
        var records = new List<uint[]>();
        for (uint at = Records; at < guest[Cursor]; at += 4 * RecordWords)
        {
            records.Add([.. Enumerable.Range(0, RecordWords).Select(i => guest[at + (uint)(4 * i)])]);
        }

        long exits = guest.Statistics.ExitsByReason[(int)ExitReason.SoftwareInterrupt] + guest.Statistics.ExitsByReason[(int)ExitReason.Fault];
        return new Outcome(end, records, [.. guest.Statistics.TrapsByVector], exits);
    }

    private void PlaceHandlers(AssembledGuest guest)
    {
        foreach (uint vector in Gates.Keys.Append(Other))
        {
            _ = guest.Place(AssembledGuest.HandlerOf(vector), c =>
            {
                Record(c, vector);
                if (Endings.TryGetValue(vector, out Action<Assembler>? ending))
                {
                    ending(c);
                }

                c.iretd();
            });
        }

        _ = guest.Place(AssembledGuest.HandlerOf(Control), c =>
        {
            c.pushad();
            OnControl(c);
            c.popad();
            c.iretd();
        });
        _ = guest.Place(AssembledGuest.HandlerOf(Finish), static c => c.ShutDown());
        guest.PlaceNoirqHandler(SyscallVector, c =>
        {
            Record(c, SyscallVector);
            c.pushad();
            OnSyscall(c);
            c.popad();
        });
    }

    /// <summary>Seven words of the stack, where it is, what irq_enabled says.</summary>
    private static void Record(Assembler c, uint vector)
    {
        c.push(eax);
        c.push(ecx);
        c.mov(ecx, __dword_ptr[Cursor]);
        for (int i = 0; i < 7; i++)
        {
            c.mov(eax, __dword_ptr[esp + 4 * (i + 2)]);
            c.mov(__dword_ptr[ecx + 4 * i], eax);
        }

        c.lea(eax, __dword_ptr[esp + 8]);
        c.mov(__dword_ptr[ecx + 28], eax);
        c.mov(eax, ss);
        c.mov(__dword_ptr[ecx + 32], eax);
        c.mov(eax, __dword_ptr[AssembledGuest.IrqEnabled]);
        c.mov(__dword_ptr[ecx + 36], eax);
        c.mov(__dword_ptr[ecx + 40], vector);
        c.add(__dword_ptr[Cursor], 4 * RecordWords);
        c.pop(ecx);
        c.pop(eax);
    }

    private sealed record Outcome(string End, List<uint[]> Records, long[] Traps, long Exits);
}
