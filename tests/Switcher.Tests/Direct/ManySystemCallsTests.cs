using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Traps;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>Many system calls of all kinds come to the same, whoever delivers them. <c>perf syscalls</c> makes ten million.</summary>
public sealed class ManySystemCallsTests
{
    private const uint Calls = 20_000;

    private static readonly Lazy<SyscallOutcome> s_spelledOut = new(static () => new SyscallGuest(Calls).Run(static m => new InterpreterEngine(m), direct: false));

    [Theory]
    [InlineData("interpreter", true)]
    [InlineData("single steps", true)]
    [InlineData("jit", false)]
    [InlineData("jit", true)]
    [InlineData("jit of hot code", false)]
    [InlineData("jit of hot code", true)]
    public void Every_engine_and_both_paths_leave_the_same_Guest(string engine, bool direct)
    {
        SyscallOutcome outcome = new SyscallGuest(Calls).Run(machine => Make(engine, machine), direct);
        SyscallOutcome expected = s_spelledOut.Value;
        Assert.Equal(expected.Traps, outcome.Traps);
        Assert.True(expected.IsAs(outcome), $"{expected}\n{outcome}");
    }

    [Fact]
    public void The_Guest_does_all_that_it_is_there_for()
    {
        SyscallOutcome outcome = s_spelledOut.Value;
        Assert.Equal(GuestEndKind.PoweredOff, outcome.End.Kind);
        Assert.Equal(Calls, outcome.Traps[SyscallGuest.Vector]);
        Assert.Equal(Calls / 8, outcome.Traps[Vectors.Breakpoint]);
        Assert.InRange(outcome.Traps[Vectors.PageFault], Calls / 128 - 1, Calls / 128 + 1);
        Assert.InRange(outcome.Interrupts, 2, 100);
    }

    private static IExecutionEngine Make(string engine, GuestMachine machine) => engine switch
    {
        "interpreter" => new InterpreterEngine(machine),
        "single steps" => new InterpreterEngine(machine, blockLimit: 1),
        "jit" => new TieredEngine(machine, threshold: 0),
        _ => new TieredEngine(machine, threshold: 20),
    };
}
