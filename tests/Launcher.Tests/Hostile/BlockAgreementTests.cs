using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher;
using Xunit.Abstractions;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>
/// Garbage executed in blocks, with links, fused branches and flags left out, comes to the same as garbage executed one
/// instruction at a time: registers, flags, memory, count, and cause of death.
/// </summary>
public sealed unsafe class BlockAgreementTests(ITestOutputHelper output)
{
    private const int Pages = 2_500;
    private const int Instructions = 1_500;
    private const int Seed = 20020101;

    [Fact]
    public void Random_code_leaves_the_same_machine_whatever_the_size_of_blocks()
    {
        using var watchdog = new Watchdog { Interrupts = false, Patience = 2000 };
        using var blocks = new HostileMachine();
        using var steps = new HostileMachine(static machine => new InterpreterEngine(machine, blockLimit: 1));
        byte[] page = new byte[0x1000];
        uint[] registers = new uint[8];
        long executed = 0;
        for (int i = 0; i < Pages; i++)
        {
            var random = new Random(unchecked((int)((uint)(i + Seed) * 2654435761u)));

            // Nothing that depends on the moment: no INIT, so no interrupts.
            var start = new HostileStart(random.Next(2) == 0, random.Next(8) != 0, Initialise: false, Gates: random.Next(8) != 0);
            RandomGuest guest = RandomGuest.Make(random, start, page, registers);
            int limit = random.Next(1, Instructions);
            (GuestEnd blocksEnd, GuestEnd stepsEnd) = (
                Run(blocks, guest, start, registers, limit, watchdog), Run(steps, guest, start, registers, limit, watchdog));
            if (blocksEnd.Kind == GuestEndKind.Stopped || stepsEnd.Kind == GuestEndKind.Stopped)
            {
                continue;
            }

            executed += steps.Machine.Retired;
            Assert.True(Describe(blocks, blocksEnd) == Describe(steps, stepsEnd), $"page {i}, limit {limit}:\n{Describe(blocks, blocksEnd)}\n{Describe(steps, stepsEnd)}");
        }

        output.WriteLine($"{executed} instructions compared");
        Assert.True(executed > Pages * 100L);
    }

    private static GuestEnd Run(
        HostileMachine machine, RandomGuest guest, HostileStart start, uint[] registers, int limit, Watchdog watchdog)
    {
        machine.Machine.Ram.Window(0, HostileLayout.RamSize).Clear();
        machine.Machine.Ram.WriteObserver?.NotifyWrite(0, HostileLayout.RamSize);
        guest.LayOut(machine, hideTables: true);
        return machine.Run(start, guest.Eip, registers, limit, watchdog);
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
