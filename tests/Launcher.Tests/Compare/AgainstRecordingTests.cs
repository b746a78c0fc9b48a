using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Compare;
using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Launcher.Tests.Tour;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Launcher.Tests.Compare;

/// <summary>A difference from a recording: whose fault it is, and in which block.</summary>
public sealed class AgainstRecordingTests : IDisposable
{
    private const long Every = 5_000;

    private static readonly LoopGuest s_guest = new();

    private readonly string _directory = Directory.CreateTempSubdirectory("lguest-jit-test").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_translator_that_goes_wrong_is_named_with_its_block()
    {
        LockstepResult result = Against(Interpreter, Broken(Translator), "jit");
        Difference difference = Assert.IsType<Difference>(result.Difference);
        Assert.Equal("the interpreter does what was recorded, the jit does not", difference.Verdict);
        ExpectTheHypercall(difference);
    }

    [Fact]
    public void An_interpreter_that_goes_wrong_is_named_with_its_block()
    {
        LockstepResult result = Against(Broken(Interpreter), Translator, "interpreter");
        Difference difference = Assert.IsType<Difference>(result.Difference);
        Assert.Equal("the jit does what was recorded, the interpreter does not", difference.Verdict);
        ExpectTheHypercall(difference);
    }

    [Fact]
    public void The_engine_that_was_not_run_may_be_the_one_that_goes_wrong()
    {
        // What was run is as recorded; the comparison of the two is not asked for then.
        Assert.Null(Against(Broken(Interpreter), Translator, "jit").Difference);
    }

    [Fact]
    public void If_both_engines_agree_it_is_the_recording_that_is_of_something_else()
    {
        LockstepResult result = Against(Broken(Interpreter), Broken(Translator), "jit");
        Difference difference = Assert.IsType<Difference>(result.Difference);
        Assert.StartsWith("our two engines agree with each other", difference.Verdict, StringComparison.Ordinal);
        Assert.False(difference.IsNarrow);
        Assert.Equal(Every, difference.Unlike - difference.Equal);
    }

    private static void ExpectTheHypercall(Difference difference)
    {
        Assert.True(difference.IsNarrow);
        Assert.Equal(difference.Equal + 1, difference.Unlike);
        Assert.Equal(("interpreter", "jit"), difference.Sides);
        Assert.Equal("int     $0x1f", difference.Trace!.Code.Single(static i => i.IsNext).Text);
        Assert.Contains(difference.Fields, static pair => pair.First.Name == "edi" && pair.First.Value != pair.Second.Value);
    }

    /// <summary>Recorded by a sound interpreter; then held to that.</summary>
    private LockstepResult Against(Func<GuestMachine, IExecutionEngine> interpreter, Func<GuestMachine, IExecutionEngine> translator, string engine)
    {
        string file = Path.Combine(_directory, $"{Guid.NewGuid()}.rec");
        var header = new RecordingHeader { Every = Every };
        using (Recorder recorder = Recording.Create(file, header))
        {
            using var guest = new DeterministicGuest(Setup(Interpreter) with { Tracked = true });
            recorder.Add(guest);
            while (guest.RunUntil(guest.Instructions + Every) is null)
            {
                recorder.Add(guest);
            }

            recorder.Add(guest);
        }

        using RecordedRun recorded = Recording.Open(file);
        using var held = new DeterministicGuest(Setup(engine == "jit" ? translator : interpreter) with { Tracked = true });
        return new AgainstRecording(held, recorded, engine, long.MaxValue, use =>
        {
            using var pair = new GuestPair(Setup(interpreter), Setup(translator));
            return use(pair);
        }).Run();
    }

    private static DeterministicSetup Setup(Func<GuestMachine, IExecutionEngine> engine) => new()
    {
        Memory = LoopGuest.Memory,
        CreateEngine = engine,
        Load = s_guest.Load,
        Options = new GuestOptions { MaxInstructions = 10_000_000, DirectTraps = false },
        Output = new HashingSink(null),
        Input = new ScriptedInput(InputScript.Empty),
        Log = new DeviceLog(TextWriter.Null),
    };

    private static IExecutionEngine Interpreter(GuestMachine machine) => new InterpreterEngine(machine);

    private static IExecutionEngine Translator(GuestMachine machine) => new TieredEngine(machine, 20, waits: true);

    /// <summary>From a certain instruction on every hypercall changes a register.</summary>
    private static unsafe Func<GuestMachine, IExecutionEngine> Broken(Func<GuestMachine, IExecutionEngine> sound) =>
        machine => new LyingEngine(sound(machine), (cpu, reason) =>
        {
            if (reason == ExitReason.SoftwareInterrupt && cpu->Retired > 30_000)
            {
                cpu->Gpr[Reg.Edi] ^= 0x100;
            }

            return true;
        });
}
