using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests.EndToEnd;

/// <summary>Pages of random bytes, run as code: each ends by a kill or by the limit, never by an exception of the Host.</summary>
public sealed unsafe class HostileCodeTests
{
    private const uint RamSize = GuestRam.MinimumSize;
    private const uint Code = 0x00100000;
    private const uint Data = 0x00080000;
    private const int Instructions = 300;

    [Fact]
    public void Random_code_pages_end_by_kill_or_limit()
    {
        int pages = Soak.Count(10_000, 100_000);
        var random = new Random(5_1966);
        var ends = new Dictionary<GuestEndKind, int>();
        long retired = 0;
        byte[] page = new byte[GuestRam.PageSize];
        for (int i = 0; i < pages; i++)
        {
            random.NextBytes(page);
            Season(page, random);
            using var machine = new GuestMachine(RamSize, new FixedClock());
            using var engine = new InterpreterEngine(machine);
            using var guest = new LguestGuest(
                machine, engine, new RecordingPorts(), new GuestOptions { MaxInstructions = Instructions });
            guest.Start(Code);
            Prepare(machine, page, random);
            GuestEnd end = guest.Run();
            Assert.NotEqual(GuestEndKind.Stopped, end.Kind);
            ends[end.Kind] = ends.GetValueOrDefault(end.Kind) + 1;
            retired += machine.Retired;
            Assert.InRange(machine.Retired, 0, Instructions);
        }

        Assert.True(ends[GuestEndKind.Killed] > pages / 100);
        Assert.True(ends[GuestEndKind.InstructionLimit] > pages / 100);
        Assert.True(retired > 10 * pages, $"{retired} instructions");
    }

    /// <summary>More hypercalls, privileged instructions and string instructions than chance would give.</summary>
    private static void Season(byte[] page, Random random)
    {
        for (int i = random.Next(64); i > 0; i--)
        {
            int at = random.Next(page.Length - 4);
            (page[at], page[at + 1]) = random.Next(6) switch
            {
                0 => ((byte)0xCD, (byte)31),
                1 => ((byte)0xF3, (byte)0xAB),
                2 => ((byte)0x66, (byte)0xEF),
                3 => ((byte)0xCF, page[at + 1]),
                4 => ((byte)0x0F, (byte)0x0B),
                _ => ((byte)0xEB, page[at + 1]),
            };
        }
    }

    private static void Prepare(GuestMachine machine, byte[] page, Random random)
    {
        GuestCpu* cpu = machine.Cpu;
        Assert.True(machine.Ram.TryWrite(Code, page));
        for (int i = 0; i < 8; i++)
        {
            cpu->Gpr[i] = random.Next(3) switch
            {
                0 => (uint)random.NextInt64(1L << 32),
                1 => (uint)random.Next((int)RamSize),
                _ => (uint)random.Next(20),
            };
        }

        // Half of them have gates into the page, so that they go on where they fault.
        if (random.Next(2) == 0)
        {
            for (int vector = 0; vector < 256; vector++)
            {
                uint handler = Code + (uint)random.Next(page.Length);
                uint type = random.Next(2) == 0 ? 0xE00u : 0xF00u;
                cpu->Idt[vector] = 0x00610000 | (handler & 0xFFFF) | ((ulong)((handler & 0xFFFF0000) | 0xE000 | type) << 32);
            }
        }

        // A third begin in ring 3, and there nothing is mapped but what the page tables say.
        if (random.Next(3) == 0)
        {
            TurnPagingOn(machine, random);
            EnterUserMode(cpu);
            machine.Mmu.Activate(cpu);
        }
    }

    private static void TurnPagingOn(GuestMachine machine, Random random)
    {
        const uint Directory = 0x00010000;
        const uint Table = 0x00011000;
        Assert.True(machine.Ram.TryWrite32(Directory, Table | 7));
        for (uint number = 0; number < 1024; number++)
        {
            uint flags = random.Next(20) == 0 ? (uint)random.Next(8) : 7;
            uint frame = random.Next(50) == 0 ? (uint)random.Next(1 << 20) : number % (RamSize >> 12);
            Assert.True(machine.Ram.TryWrite32(Table + 4 * number, (frame << 12) | flags));
        }

        machine.Mmu.SetPageDirectory(machine.Cpu, Directory, trusted: true);
    }

    private static void EnterUserMode(GuestCpu* cpu)
    {
        cpu->Gdt[14] = 0x00CFFB00_0000FFFF;
        cpu->Gdt[15] = 0x00CFF300_0000FFFF;
        cpu->Ss1 = 0x69;
        cpu->Esp1 = Data;
        cpu->Cpl = 3;
        Segments.SetHidden(cpu, Seg.Cs, 0x73, cpu->Gdt[14]);
        foreach (int number in (int[])[Seg.Ss, Seg.Ds, Seg.Es])
        {
            Segments.SetHidden(cpu, number, 0x7B, cpu->Gdt[15]);
        }

        Segments.UpdateMode(cpu);
    }
}
