using System.Globalization;
using System.Text;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Session;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;
using Lguest.Jit.Switcher.Time;

namespace Lguest.Jit.Launcher.Tests.Tour;

/// <summary>The embedded Guest goes all the way, and does not if anything is wrong.</summary>
public sealed unsafe class TourTests
{
    /// <summary>Far more than it needs: a tour that hangs ends here.</summary>
    private const long Limit = 3_000_000_000;

    private delegate void Change(GuestCpu* cpu);

    [Fact]
    public void The_tour_runs_to_its_end_and_powers_off()
    {
        (GuestEnd end, string output) = Take(static machine => new InterpreterEngine(machine));
        Assert.Equal(GuestEndKind.PoweredOff, end.Kind);
        string[] lines = output.TrimEnd('\n').Split('\n');
        for (int i = 0; i < lines.Length - 1; i++)
        {
            Assert.StartsWith($"ok {(i + 1).ToString(CultureInfo.InvariantCulture),2} ", lines[i], StringComparison.Ordinal);
        }

        Assert.Equal($"tour complete: {lines.Length - 1} steps", lines[^1]);
        Assert.InRange(lines.Length, 90, 200);
    }

    [Fact]
    public void The_tour_shows_what_issue_two_asks_for()
    {
        (_, string output) = Take(static machine => new InterpreterEngine(machine));
        string[] wanted =
        [
            "divide error: vector 0", "debug: single step in ring 1: vector 1", "breakpoint: vector 3", "overflow: vector 4",
            "bound range exceeded: vector 5", "invalid opcode: vector 6", "device not available: vector 7", "vector 11, error code 0xA0",
            "vector 12, error code 0xA0", "vector 13, error code 0x0", "vector 13, error code 0x50", "error code 0x282",
            "a hypercall, ring 3: vector 13, error code 0xFA", "debug: single step, ring 3: vector 1", "alignment check, ring 3: vector 17",
            "vector 14, error code 0x0,", "vector 14, error code 0x2,", "vector 14, error code 0x3,", "vector 14, error code 0x4,",
            "vector 14, error code 0x5,", "vector 14, error code 0x6,", "vector 14, error code 0x7,",
            "woken by the timer", "trap gate", "interrupt gate", "noirq_iret with an interrupt waiting", "copy on write", "transmit queue",
        ];
        Assert.All(wanted, line => Assert.Contains(line, output, StringComparison.Ordinal));
    }

    [Fact]
    public void Its_output_is_the_same_every_time_and_at_every_block_size()
    {
        (_, string whole) = Take(static machine => new InterpreterEngine(machine));
        (_, string again) = Take(static machine => new InterpreterEngine(machine));
        (_, string single) = Take(static machine => new InterpreterEngine(machine, blockLimit: 1));
        Assert.Equal(whole, again);
        Assert.Equal(whole, single);
    }

    [Fact]
    public void It_is_what_the_launcher_runs_without_a_kernel()
    {
        using var output = new MemoryStream();
        using var error = new StringWriter();
        int exitCode = LauncherMain.Run(["run"], new SessionHost { Output = output, Error = error }, TourGuest.Load);
        Assert.Equal(0, exitCode);
        Assert.Equal("Guest powered off" + Environment.NewLine, error.ToString());
        Assert.EndsWith(" steps\n", Encoding.ASCII.GetString(output.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public void Four_megabytes_are_enough_for_it()
    {
        (GuestEnd end, _) = Take(static machine => new InterpreterEngine(machine), memory: 4 << 20);
        Assert.Equal(GuestEndKind.PoweredOff, end.Kind);
    }

    [Fact]
    public void Less_memory_is_refused()
    {
        using var ram = new GuestRam(2 << 20);
        Assert.Throws<LoadException>(() => TourGuest.Load(ram));
    }

    [Fact]
    public void A_wrong_error_code_is_noticed() => Fails(
        "loading the Switcher's segment: error code: expected 0x50, got 0x58",
        static (cpu, reason) => OnFault(cpu, reason, Vectors.GeneralProtection, static c => c->FaultErrorCode = c->FaultErrorCode == 0x50 ? 0x58 : c->FaultErrorCode));

    [Fact]
    public void A_wrong_vector_is_noticed() => Fails(
        "bound range exceeded: vector: expected 0x5, got 0x6",
        static (cpu, reason) => OnFault(cpu, reason, Vectors.BoundRange, static c => c->FaultVector = Vectors.InvalidOpcode));

    [Fact]
    public void A_wrong_eip_is_noticed() => Fails(
        "invalid opcode: saved eip: expected",
        static (cpu, reason) => OnFault(cpu, reason, Vectors.InvalidOpcode, static c => c->Eip += 2));

    [Fact]
    public void A_wrong_esp_is_noticed() => Fails(
        "divide error: esp before the trap: expected",
        static (cpu, reason) => OnFault(cpu, reason, Vectors.DivideError, static c => c->Gpr[Reg.Esp] -= 4));

    [Fact]
    public void A_lost_flag_is_noticed() => Fails(
        "divide error: saved eflags: expected 0xED7, got 0xAD7",
        static (cpu, reason) => OnFault(cpu, reason, Vectors.DivideError, static c => c->SystemFlags &= ~Eflags.Direction));

    [Fact]
    public void A_wrong_fault_address_is_noticed() => Fails(
        "page fault: null pointer read: cr2: expected 0x0, got 0x4",
        static (cpu, reason) => OnFault(cpu, reason, Vectors.PageFault, static c => c->FaultAddress += c->FaultAddress == 0 ? 4u : 0));

    [Fact]
    public void An_engine_that_runs_on_behind_noirq_iret_is_noticed() => Fails(
        "interrupts delivered: expected 0x2, got ",
        static (cpu, reason) => reason != ExitReason.NoirqIret);

    [Fact]
    public void A_Host_that_forgets_to_single_step_is_noticed() => Fails(
        "debug: single step in ring 1: no trap came: expected 0x0, got 0x1",
        static (cpu, reason) =>
        {
            if (reason == ExitReason.SingleStep)
            {
                cpu->SystemFlags &= ~Eflags.Trap;
            }

            return reason != ExitReason.SingleStep;
        });

    private static bool OnFault(GuestCpu* cpu, ExitReason reason, int vector, Change change)
    {
        if (reason == ExitReason.Fault && cpu->FaultVector == vector)
        {
            change(cpu);
        }

        return true;
    }

    private static void Fails(string complaint, Lie lie)
    {
        (GuestEnd end, string output) = Take(machine => new LyingEngine(new InterpreterEngine(machine), lie));
        Assert.Equal(new GuestEnd(GuestEndKind.Killed, "CRASH: Tour failed"), end);
        string last = output.TrimEnd('\n').Split('\n')[^1];
        Assert.StartsWith("FAIL ", last, StringComparison.Ordinal);
        Assert.Contains(complaint, last, StringComparison.Ordinal);
    }

    private static (GuestEnd End, string Output) Take(Func<GuestMachine, IExecutionEngine> makeEngine, uint memory = 16 << 20)
    {
        using var machine = new GuestMachine(memory, new HostClock());
        LoadedKernel kernel = TourGuest.Load(machine.Ram);
        var output = new Output();
        using var complaints = new StringWriter();
        var devices = new MachineDevices(machine, output, new ConsoleInputQueue(), new DeviceLog(complaints));
        using IExecutionEngine engine = makeEngine(machine);
        // Whoever lies does so where the engine comes out with a trap; so it has to come out.
        var options = new GuestOptions { MaxInstructions = Limit, DirectTraps = engine is not LyingEngine };
        using var guest = new LguestGuest(machine, engine, devices.Ports, options);
        devices.Connect(guest, guest.Knock);
        guest.Start(kernel.Entry);
        GuestEnd end = guest.Run();
        Assert.Empty(complaints.ToString());
        return (end, output.ToString());
    }

    private sealed class Output : IConsoleSink
    {
        private readonly StringBuilder _text = new();

        public bool Write(ReadOnlySpan<byte> bytes)
        {
            _text.Append(Encoding.ASCII.GetString(bytes));
            return true;
        }

        public override string ToString() => _text.ToString();
    }
}
