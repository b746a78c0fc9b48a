using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator;
using Xunit.Abstractions;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>
/// Garbage executed in blocks, with links, fused branches and flags left out, or as translated code, comes to the same as garbage
/// executed one instruction at a time: registers, flags, memory, count, and cause of death.
/// </summary>
public sealed unsafe class EngineAgreementTests(ITestOutputHelper output)
{
    private const int Instructions = 1_500;
    private const int Seed = 20020101;

    [Fact]
    public void Random_code_leaves_the_same_machine_whatever_the_size_of_blocks() => Agree(Soak.Count(600, 2_500), static machine => new InterpreterEngine(machine));

    [Theory]
    [InlineData(0, 40, 1_000)]
    [InlineData(3, 200, 2_000)]
    public void Random_code_leaves_the_same_machine_when_it_is_translated(uint threshold, int everyDay, int soak) =>
        Agree(Soak.Count(everyDay, soak), machine => new TieredEngine(machine, threshold));

    [Fact]
    public void Single_steps_through_hot_code_come_to_the_same()
    {
        // A call returns to a block that counts, first at full speed, then with TF set.
        byte[] code = Convert.FromHexString(
            "B91E000000" // mov ecx, 30
            + "E813000000" // again: call function
            + "49" // dec ecx
            + "75F8" // jne again
            + "9C810C24000100009D" // pushf; or dword [esp], 0x100; popf
            + "B9FFFFFF7F" // mov ecx, 0x7fffffff
            + "EBE8" // jmp again
            + "42C3"); // function: inc edx; ret
        var start = new HostileStart(User: false, Paging: true, Initialise: false, Gates: true);
        using var watchdog = new Watchdog { Interrupts = false, Patience = 10_000 };
        string? first = null;
        foreach (Func<GuestMachine, IExecutionEngine> engine in (Func<GuestMachine, IExecutionEngine>[])[
            static machine => new InterpreterEngine(machine, blockLimit: 1), static machine => new InterpreterEngine(machine),
            static machine => new TieredEngine(machine, threshold: 40), static machine => new TieredEngine(machine, threshold: 10),
            static machine => new TieredEngine(machine, threshold: 0)])
        {
            using var machine = new HostileMachine(engine);
            uint[] registers = new uint[8];
            registers[Reg.Esp] = HostileLayout.KernelStack - 64;
            machine.Prepare(start);
            machine.Write(HostileLayout.Code, code);
            string end = Describe(machine, machine.Run(start, HostileLayout.Code, registers, 4000, watchdog));
            first ??= end;
            Assert.Equal(first, end);
            Assert.Contains(nameof(GuestEndKind.InstructionLimit), end, StringComparison.Ordinal);
            Assert.True(machine.Statistics.TrapsByVector[Vectors.Debug] > 100);
        }
    }

    private void Agree(int pages, Func<GuestMachine, IExecutionEngine> engine)
    {
        using var watchdog = new Watchdog { Interrupts = false, Patience = 10_000 };
        using var under = new HostileMachine(engine);
        using var steps = new HostileMachine(static machine => new InterpreterEngine(machine, blockLimit: 1));
        byte[] page = new byte[0x1000];
        uint[] registers = new uint[8];
        long executed = 0;
        for (int i = 0; i < pages; i++)
        {
            var random = new Random(unchecked((int)((uint)(i + Seed) * 2654435761u)));

            // Nothing that depends on the moment: no INIT, so no interrupts.
            var start = new HostileStart(random.Next(2) == 0, random.Next(8) != 0, Initialise: false, Gates: random.Next(8) != 0);
            RandomGuest guest = RandomGuest.Make(random, start, page, registers);
            int limit = random.Next(1, Instructions);
            string expected = Run(steps, guest, start, registers, limit, watchdog);
            string actual = Run(under, guest, start, registers, limit, watchdog);
            Assert.True(expected == actual, $"page {i}, limit {limit}:\n{expected}\n{actual}");
            executed += steps.Machine.Retired;
        }

        output.WriteLine($"{executed} instructions of {pages} pages compared");
        Assert.True(executed > pages * 100L);
    }

    private static string Run(
        HostileMachine machine, RandomGuest guest, HostileStart start, uint[] registers, int limit, Watchdog watchdog)
    {
        machine.Machine.Ram.Window(0, HostileLayout.RamSize).Clear();
        machine.Machine.Ram.WriteObserver?.NotifyWrite(0, HostileLayout.RamSize);
        guest.LayOut(machine, hideTables: true);
        GuestEnd end = machine.Run(start, guest.Eip, registers, limit, watchdog);
        Assert.NotEqual(GuestEndKind.Stopped, end.Kind);
        return Describe(machine, end);
    }

    private static string Describe(HostileMachine machine, GuestEnd end)
    {
        GuestCpu* cpu = machine.Cpu;
        var words = new List<string> { end.ToString(), $"eip={cpu->Eip:x8}", $"flags={LazyFlags.Read(cpu):x}", $"n={cpu->Retired}" };
        for (int i = 0; i < 8; i++)
        {
            words.Add($"r{i}={cpu->Gpr[i]:x8}");
        }

        for (int i = 0; i < 6; i++)
        {
            SegmentRegister* segment = GuestCpu.Segment(cpu, i);
            words.Add($"s{i}={segment->Selector:x}:{segment->Base:x}+{segment->Limit:x}.{segment->Attributes:x}");
        }

        var fpu = new HashCode();
        fpu.AddBytes(new ReadOnlySpan<byte>(&cpu->Fpu, sizeof(Core.Fpu.FpuState)));
        words.Add($"fpu={fpu.ToHashCode():x}");
        var ram = new HashCode();
        ram.AddBytes(machine.Machine.Ram.Window(0, HostileLayout.RamSize));
        words.Add($"ram={ram.ToHashCode():x}");
        return string.Join(' ', words);
    }
}
