using Iced.Intel;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>Each way of misbehaving that was thought of, by itself: how it ends is known.</summary>
public sealed class HostileGuestTests : IDisposable
{
    private const int Limit = 100_000;

    private static readonly HostileStart s_linear = new(User: false, Paging: false, Initialise: true, Gates: false);
    private static readonly HostileStart s_paged = s_linear with { Paging = true };
    private static readonly HostileStart s_user = s_paged with { User = true };

    private readonly HostileMachine _machine = new();
    private readonly Watchdog _watchdog = new() { Interrupts = false, Patience = 60_000 };

    public void Dispose()
    {
        _watchdog.Dispose();
        _machine.Dispose();
    }

    [Theory]
    [InlineData("0F0B", "unhandled trap 6")]
    [InlineData("FFFF", "unhandled trap 6")]
    [InlineData("F30FA6F0", "unhandled trap 6")]
    [InlineData("6467F30FA6FF", "unhandled trap 6")]
    [InlineData("F4", "unhandled trap 13")]
    [InlineData("0F01D8", "unhandled trap 6")]
    [InlineData("F7F0", "unhandled trap 0")]
    [InlineData("CC", "unhandled trap 13")]
    [InlineData("6666666666666666666666666666666690", "unhandled trap 13")]
    public void Garbage_without_a_handler_is_killed_for_the_trap_it_causes(string code, string reason)
    {
        GuestEnd end = RunBytes(s_linear, Convert.FromHexString(code));
        Assert.Equal(GuestEndKind.Killed, end.Kind);
        Assert.StartsWith(reason, end.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Code_that_runs_off_the_end_of_RAM_is_killed_there()
    {
        _machine.Prepare(s_linear);
        byte[] nops = new byte[0x1000];
        Array.Fill(nops, (byte)0x90);
        _machine.Write(HostileLayout.LastPage, nops);
        GuestEnd end = _machine.Run(s_linear, HostileLayout.LastPage, Registers(), Limit, _watchdog);
        Assert.Equal(GuestEndKind.Killed, end.Kind);
        Assert.Equal(HostileLayout.RamSize, EipAtEnd());
    }

    [Fact]
    public void Code_in_device_memory_is_no_code()
    {
        GuestEnd end = Run(s_paged, static c => c.jmp(HostileLayout.Device));
        Assert.Equal(new GuestEnd(GuestEndKind.Killed, $"unhandled trap 14 at 0x{HostileLayout.Device:x} (0x{HostileLayout.Device:x})"), end);
    }

    [Fact]
    public void Gates_of_every_type_leading_everywhere_end_by_kill_or_by_limit()
    {
        uint[] handlers = [0, HostileLayout.Code, HostileLayout.RamSize - 1, HostileLayout.RamSize, HostileLayout.Device, 0x80000000, 0xFFC00000, 0xFFFFFFFF];
        foreach (uint handler in handlers)
        {
            for (uint type = 0; type < 16; type++)
            {
                GuestEnd end = Run(s_paged, c =>
                {
                    foreach (uint vector in (ReadOnlySpan<uint>)[0, 2, 6, 8, 13, 14, 31, 32, 0x80, 255])
                    {
                        Hypercall(c, HypercallNumbers.LoadIdtEntry, vector, handler & 0xFFFF, (handler & 0xFFFF0000) | 0xE000 | (type << 8));
                    }

                    c.@int(0x80);
                    c.mov(eax, __dword_ptr[0x80000000]);
                });
                Assert.True(end.Kind is GuestEndKind.Killed or GuestEndKind.InstructionLimit, end.ToString());
                Assert.Equal(type is not (0xE or 0xF), end.Message == $"bad IDT type {type}");
            }
        }
    }

    [Fact]
    public void A_page_fault_handler_that_is_not_mapped_ends_by_kill()
    {
        GuestEnd end = Run(s_paged, static c =>
        {
            Hypercall(c, HypercallNumbers.LoadIdtEntry, 14, 0, 0x7FFF8E00);
            c.mov(eax, __dword_ptr[0x80000000]);
        });
        Assert.Equal(GuestEndKind.Killed, end.Kind);
    }

    [Fact]
    public void Descriptors_of_every_kind_used_in_every_way_end_by_kill_or_by_limit()
    {
        ulong[] descriptors =
        [
            0, ulong.MaxValue, 0x00CF9300_0000FFFF, 0xFFCFF3FF_FFFFFFFF, 0x00009300_00000000, 0x0000F700_00000FFF, 0x00CFFF00_0000FFFF,
            0x0040FB00_00000010, 0x008FF600_00000000, 0x0000F500_00000000, 0x0000EC00_00610000, 0x00CF1300_0000FFFF, 0xC0CFF210_2000FFFF,
        ];
        foreach (ulong descriptor in descriptors)
        {
            for (uint index = 0; index < 32; index++)
            {
                UseDescriptor(descriptor, index);
            }
        }
    }

    [Theory]
    [InlineData(0x00200000u, "bad read address")]
    [InlineData(0xFFFFF000u, "bad read address")]
    [InlineData(0x7FFFF000u, "bad read address")]
    public void A_page_directory_outside_RAM_kills_at_the_next_walk(uint directory, string reason)
    {
        GuestEnd end = Run(s_linear, c => Hypercall(c, HypercallNumbers.NewPgtable, directory));
        Assert.Equal(GuestEndKind.Killed, end.Kind);
        Assert.StartsWith(reason, end.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x00200067u, 0u, "bad page directory entry")]
    [InlineData(0xFFFFF067u, 0u, "bad page directory entry")]
    [InlineData(0x000000E7u, 0u, "bad page directory entry")]
    [InlineData(0x00009FFFu, 0u, "bad page directory entry")]
    [InlineData(0u, 0x40000067u, "bad page table entry")]
    [InlineData(0u, 0xFFFFF067u, "bad page table entry")]
    [InlineData(0u, 0x000100E7u, "bad page table entry")]
    [InlineData(0u, 0x00200067u, "unhandled trap 14")]
    [InlineData(0u, 0x00010066u, "unhandled trap 14")]
    public void Page_tables_that_point_outside_RAM_or_say_nonsense_kill(uint directoryEntry, uint tableEntry, string reason)
    {
        // The directory entry of 4..8 MiB, or the table entry of 0x50000; a read, a write and a fetch come to the same.
        uint address = directoryEntry != 0 ? 0x00400000u : 0x00050000u;
        foreach (Action<Assembler> use in (Action<Assembler>[])[
            c => c.mov(eax, __dword_ptr[address]), c => c.mov(__dword_ptr[address], eax), c => c.jmp(address), c => c.mov(esp, address + 2048)])
        {
            GuestEnd end = Run(s_paged, c =>
            {
                c.mov(__dword_ptr[HostileLayout.PageDirectory + 4], directoryEntry);
                c.mov(__dword_ptr[HostileLayout.PageTable + 4 * 0x50], tableEntry);
                Hypercall(c, HypercallNumbers.FlushTlb, 1);
                use(c);
                c.push(eax);
                c.ud2();
            });
            Assert.Equal(GuestEndKind.Killed, end.Kind);
            Assert.True(
                end.Message.StartsWith(reason, StringComparison.Ordinal) || end.Message.StartsWith("Bad address", StringComparison.Ordinal), end.Message);
        }
    }

    [Fact]
    public void Wild_pointers_to_every_hypercall_kill_or_do_nothing()
    {
        uint[] wild =
        [
            0, 1, 2, 0x69, HostileLayout.Data, HostileLayout.PageDirectory, HostileLayout.RamSize - 1, HostileLayout.RamSize - 23, HostileLayout.RamSize,
            HostileLayout.Device, 0x7FFFFFFF, 0x80000000, 0xFFBFFFFF, 0xFFC00000, 0xFFFFF000, 0xFFFFFFE8, 0xFFFFFFFF,
        ];
        foreach (HostileStart start in (HostileStart[])[s_linear, s_paged, s_linear with { Initialise = false }])
        {
            for (uint number = 0; number < 22; number++)
            {
                // HALT is for another test: nobody would wake this Guest.
                foreach (uint pointer in number == HypercallNumbers.Halt ? [] : wild)
                {
                    GuestEnd end = Run(start, c =>
                    {
                        Hypercall(c, number, pointer, pointer, pointer);
                        Hypercall(c, number, pointer, HypercallNumbers.ShutdownPoweroff, pointer);
                        Hypercall(c, HypercallNumbers.FlushAsync);
                        c.push(eax);
                        c.jmp(HostileLayout.Code + 0x800);
                    });
                    Assert.True(end.Kind is GuestEndKind.Killed or GuestEndKind.InstructionLimit or GuestEndKind.Restart, end.ToString());
                    Assert.True(start.Initialise || end.Kind == GuestEndKind.Killed, "somebody was let in without INIT");
                }
            }
        }
    }

    [Fact]
    public void A_ring_full_of_nonsense_kills_for_the_first_of_it()
    {
        GuestEnd end = Run(s_linear, static c =>
        {
            c.mov(edi, HostileLayout.Data + LguestData.HcallStatus);
            c.mov(ecx, (AsyncRing.Size + AsyncRing.Size * HcallArgs.Size) / 4);
            c.xor(eax, eax);
            c.rep.stosd();
            c.mov(__dword_ptr[HostileLayout.Data + LguestData.Hcalls + 7 * HcallArgs.Size], 0xDEAD);
            Hypercall(c, HypercallNumbers.FlushAsync);
        });
        Assert.Equal(new GuestEnd(GuestEndKind.Killed, "Bad hypercall 57005"), end);
        Assert.Equal(8, _machine.Statistics.QueuedHypercallsByNumber.Sum());
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void A_jump_to_itself_ends_at_the_instruction_limit_exactly(bool user, bool paging)
    {
        HostileStart start = s_linear with { User = user, Paging = paging };
        GuestEnd end = RunBytes(start, [0xEB, 0xFE], 12_345_678);
        Assert.Equal(GuestEndKind.InstructionLimit, end.Kind);
        Assert.Equal(12_345_678, _machine.Machine.Retired);
        Assert.Equal(HostileLayout.Code, EipAtEnd());
    }

    [Theory]
    [InlineData("EBFE")]
    [InlineData("E8FBFFFFFFEBFE")]
    [InlineData("B9FFFFFFFFF3AC")]
    [InlineData("FCBE00000000BF0000100031C0B9FFFFFFFFF3AB")]
    [InlineData("E2FE")]
    [InlineData("E480EBFC")]
    [InlineData("9D9CEBFC")]
    public void Code_that_never_ends_is_stopped_from_outside_wherever_it_is(string code)
    {
        // call $ and rep stos run into something of their own after a while; a time limit of a third of a second ends the others.
        _watchdog.Longest = 300;
        GuestEnd end = RunBytes(s_paged, Convert.FromHexString(code), int.MaxValue);
        Assert.True(end.Kind is GuestEndKind.Stopped or GuestEndKind.Killed, end.ToString());
    }

    [Fact]
    public void A_Guest_that_halts_for_ever_is_stopped_too()
    {
        _watchdog.Patience = 300;
        GuestEnd end = Run(s_linear, static c => Hypercall(c, HypercallNumbers.Halt));
        Assert.Equal(new GuestEnd(GuestEndKind.Stopped, "time limit"), end);
    }

    [Fact]
    public void Code_that_rewrites_itself_all_the_time_gets_its_own_writes()
    {
        // inc byte [imm32 of the mov behind it]; mov eax, imm32; jmp back: eax counts the rounds.
        GuestEnd end = Run(s_paged, static c =>
        {
            Label loop = c.CreateLabel();
            c.Label(ref loop);
            c.inc(__dword_ptr[HostileLayout.Code + 7]);
            c.mov(eax, 0);
            c.jmp(loop);
        });
        Assert.Equal(GuestEndKind.InstructionLimit, end.Kind);
        Assert.InRange(Eax(), (Limit / 3) - 20u, Limit / 3u);
    }

    [Theory]
    [InlineData(HostileLayout.RamSize + 0x8000, true)]
    [InlineData(0x90000000u, true)]
    [InlineData(0u, true)]
    [InlineData(3u, true)]
    [InlineData(0xFFFFFFFFu, true)]
    [InlineData(HostileLayout.Device + 0x40, false)]
    public void A_kernel_stack_where_there_is_no_RAM_ends_by_kill_or_by_limit(uint stack, bool killed)
    {
        // A frame pushed into a device's registers is a bad driver, but no bad address.
        GuestEnd end = Run(s_linear, c =>
        {
            Hypercall(c, HypercallNumbers.LoadIdtEntry, 6, (HostileLayout.Code + 0x800) & 0xFFFF, 0x8F00 | (HostileLayout.Code & 0xFFFF0000));
            c.mov(esp, stack);
            c.ud2();
        });
        Assert.Equal(killed ? GuestEndKind.Killed : GuestEndKind.InstructionLimit, end.Kind);
    }

    private void UseDescriptor(ulong descriptor, uint index)
    {
        for (uint rpl = 0; rpl < 4; rpl++)
        {
            uint selector = (index << 3) | rpl;
            foreach (Action<Assembler> use in (Action<Assembler>[])[
                static c => c.mov(ds, ax), static c => c.mov(es, ax), static c => c.mov(ss, ax), static c => c.mov(fs, ax),
                static c => c.lar(ebx, eax), static c => c.lsl(ebx, eax), static c => c.verr(ax), static c => c.verw(ax),
                static c => FarReturn(c), static c => InterruptReturn(c)])
            {
                GuestEnd end = Run(s_paged, c =>
                {
                    Hypercall(c, HypercallNumbers.LoadGdtEntry, index, (uint)descriptor, (uint)(descriptor >> 32));
                    c.mov(eax, selector);
                    use(c);
                    c.mov(ebx, __dword_ptr.ds[esp]);
                    c.mov(ebx, __dword_ptr.fs[0x10000]);
                    c.push(ebx);
                    c.jmp(HostileLayout.Code + 0x800);
                });
                Assert.True(end.Kind is GuestEndKind.Killed or GuestEndKind.InstructionLimit, $"{descriptor:x16} at {index}: {end}");
            }
        }
    }

    private static void FarReturn(Assembler c)
    {
        c.push(0x7B);
        c.push(HostileLayout.UserStack);
        c.push(eax);
        c.push(HostileLayout.Code + 0x800);
        c.retf();
    }

    private static void InterruptReturn(Assembler c)
    {
        c.push(0x7B);
        c.push(HostileLayout.UserStack);
        c.push(unchecked((int)0xFFFFFFFF));
        c.push(eax);
        c.push(HostileLayout.Code + 0x800);
        c.iretd();
    }

    private static void Hypercall(Assembler c, uint number, uint ebx = 0, uint ecx = 0, uint edx = 0)
    {
        c.mov(AssemblerRegisters.eax, number);
        c.mov(AssemblerRegisters.ebx, ebx);
        c.mov(AssemblerRegisters.ecx, ecx);
        c.mov(AssemblerRegisters.edx, edx);
        c.@int(Vectors.Hypercall);
    }

    private GuestEnd Run(HostileStart start, Action<Assembler> emit)
    {
        var assembler = new Assembler(32);
        emit(assembler);
        using var stream = new MemoryStream();
        _ = assembler.Assemble(new StreamCodeWriter(stream), HostileLayout.Code);
        return RunBytes(start, stream.ToArray());
    }

    /// <summary>The code at the start of its page, <c>jmp $</c> in the middle, and zeros.</summary>
    private GuestEnd RunBytes(HostileStart start, ReadOnlySpan<byte> code, int limit = Limit)
    {
        byte[] page = new byte[0x1000];
        code.CopyTo(page);
        page[0x800] = 0xEB;
        page[0x801] = 0xFE;
        _machine.Prepare(start);
        _machine.Write(HostileLayout.Code, page);
        return _machine.Run(start, HostileLayout.Code, Registers(), limit, _watchdog);
    }

    private static uint[] Registers()
    {
        uint[] registers = new uint[8];
        registers[Reg.Esp] = HostileLayout.KernelStack - 64;
        return registers;
    }

    private unsafe uint EipAtEnd() => _machine.Cpu->Eip;

    private unsafe uint Eax() => _machine.Cpu->Gpr[Reg.Eax];
}
