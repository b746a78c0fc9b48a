using Iced.Intel;
using Lguest.Jit.Switcher.Tests.EndToEnd;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>
/// What delivery without the Switcher must not forget. Each scene is warm (its system calls are being delivered directly) when the rule
/// comes into play, and is played with the Switcher alone as well: everything that the Guest can see has to be the same.
/// </summary>
public sealed class DirectTrapTests
{
    private const uint Eip = 0;
    private const uint Cs = 1;
    private const uint Flags = 2;
    private const uint OldEsp = 3;
    private const uint OldSs = 4;
    private const uint Esp = 7;
    private const uint Ss = 8;
    private const uint IrqEnabled = 9;
    private const uint Vector = 10;

    private const uint GeneralProtection = 13;
    private const uint PageFault = 14;

    /// <summary>mov edi, then the int of the loop, and where that returns to.</summary>
    private const uint FirstReturn = AssembledGuest.UserCode + 7;

    [Theory]
    [InlineData(0xEF00u, 0x202u)]
    [InlineData(0xEE00u, 0u)]
    public void A_warm_system_call_pushes_the_frame_that_the_switcher_pushes(uint gate, uint inside)
    {
        (List<uint[]> records, string end) = new TrapScene { SyscallFlags = gate, User = static _ => { } }.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(3, records.Count);
        uint[] last = records[^1];
        Assert.Equal(FirstReturn, last[Eip]);
        Assert.Equal(0x73u, last[Cs]);
        Assert.Equal(0x200u, last[Flags] & 0x200);
        Assert.Equal(AssembledGuest.UserStack, last[OldEsp]);
        Assert.Equal(0x7Bu, last[OldSs]);
        Assert.Equal(AssembledGuest.TrapStack - 20, last[Esp]);
        Assert.Equal(inside, last[IrqEnabled]);
    }

    [Theory]
    [InlineData(0x6E00u)]
    [InlineData(0x8E00u)]
    [InlineData(0xCE00u)]
    public void A_gate_that_goes_away_or_loses_its_privilege_is_a_fault_at_once(uint flags)
    {
        var scene = new TrapScene
        {
            OnControl = c => c.LoadGate(TrapScene.Syscall, flags),
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
            },
            Gates = { [GeneralProtection] = 0x8E00 },
            Endings = { [GeneralProtection] = static c => c.ShutDown() },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(4, records.Count);
        Assert.Equal(GeneralProtection, records[^1][Vector]);
        Assert.Equal(0x402u, records[^1][0]);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(5u)]
    public void A_stack_page_that_is_gone_or_read_only_kills(uint rights)
    {
        const uint Page = (AssembledGuest.TrapStack - 4) & ~0xFFFu;
        var scene = new TrapScene
        {
            // Already on another stack when the page changes, or the kernel would fall with it.
            OnControl = c =>
            {
                c.mov(ebp, esp);
                c.mov(esp, AssembledGuest.Stack);
                c.mov(__dword_ptr[GuestCode.Pte(Page)], rights == 0 ? 0 : Page | rights);
                c.Hypercall(HypercallNumbers.SetPte, AssembledGuest.PageDirectory, Page, 0);
                if (rights != 0)
                {
                    // Readable, and known to be: that is not enough.
                    c.mov(eax, __dword_ptr[Page]);
                }

                c.push(0x7B);
                c.push(AssembledGuest.UserStack);
                c.push(0x202);
                c.push(0x73);
                c.push(AssembledGuest.UserCode + 5);
                c.iretd();
            },
            User = static c => c.@int((byte)TrapScene.Control),
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal(3, records.Count);
        Assert.StartsWith("Bad address", end, StringComparison.Ordinal);
    }

    [Fact]
    public void A_frame_may_cross_into_a_page_that_lies_elsewhere()
    {
        // The page below the stack's is made to lie in another frame than the one before it.
        const uint Boundary = AssembledGuest.TrapStack - 0x1000;
        const uint Elsewhere = 0x00250000;
        var scene = new TrapScene
        {
            OnControl = static c =>
            {
                c.mov(__dword_ptr[GuestCode.Pte(Boundary - 0x1000)], Elsewhere | 3);
                c.Hypercall(HypercallNumbers.SetPte, AssembledGuest.PageDirectory, Boundary - 0x1000, 0);
                c.Hypercall(HypercallNumbers.SetStack, 0x69, Boundary + 12, 1);
            },
            User = static c =>
            {
                // The stack pointer differs each time, so a word of an older frame would show.
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
                c.push(1);
                c.@int(0x80);
                c.push(2);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(6, records.Count);
        Assert.Equal([0u, 4, 8], records[3..].Select(static r => AssembledGuest.UserStack - r[OldEsp]));
        Assert.Equal(Boundary + 12 - 20, records[^1][Esp]);
        Assert.Equal(0x73u, records[^1][Cs]);
        Assert.Equal(0x7Bu, records[^1][OldSs]);
    }

    [Fact]
    public void An_idt_entry_changed_between_two_calls_of_the_same_block_counts_at_once()
    {
        const uint OtherHandler = AssembledGuest.Handlers + 0x100 * TrapScene.Other;
        var scene = new TrapScene
        {
            OnControl = static c =>
                c.Hypercall(HypercallNumbers.LoadIdtEntry, TrapScene.Syscall, OtherHandler & 0xFFFF, (OtherHandler & 0xFFFF0000) | 0xEF00),
            User = static c =>
            {
                Label again = c.CreateLabel();
                Label behind = c.CreateLabel();
                c.mov(edi, 6);
                c.Label(ref again);
                c.@int(0x80);
                c.cmp(edi, 4);
                c.jne(behind);
                c.@int((byte)TrapScene.Control);
                c.Label(ref behind);
                c.dec(edi);
                c.jne(again);
            },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal([0x80u, 0x80, 0x80, 0x80, 0x80, 0x80, 0x81, 0x81, 0x81], records.Select(static r => r[Vector]));
        Assert.Equal(0x202u, records[^1][IrqEnabled] | 0x2);
    }

    [Fact]
    public void Set_stack_counts_at_once_with_both_its_halves()
    {
        const uint Elsewhere = AssembledGuest.TrapStack - 0x400;
        var scene = new TrapScene
        {
            OnControl = static c =>
            {
                c.Hypercall(HypercallNumbers.LoadGdtEntry, 20, 0xFFFF, 0x00CFB300);
                c.Hypercall(HypercallNumbers.SetStack, 0xA1, Elsewhere, 1);
            },
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(Elsewhere - 20, records[^1][Esp]);
        Assert.Equal(0xA1u, records[^1][Ss]);
        Assert.Equal(records[^1][Esp], records[^2][Esp]);
    }

    /// <summary>The descriptor is what counts, not the selector: code that has become data, a stack that has become read-only.</summary>
    [Theory]
    [InlineData(12u, 0x00CFB300u)]
    [InlineData(13u, 0x00CFB100u)]
    public void A_kernel_segment_whose_descriptor_has_gone_bad_is_not_entered(uint entry, uint high)
    {
        var scene = new TrapScene
        {
            OnControl = c => c.Hypercall(HypercallNumbers.LoadGdtEntry, entry, 0xFFFF, high),
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal(3, records.Count);
        Assert.StartsWith("unhandled trap 128", end, StringComparison.Ordinal);
    }

    [Fact]
    public void A_single_stepped_system_call_is_the_switchers()
    {
        var scene = new TrapScene
        {
            Gates = { [1] = 0x8E00 },
            User = static c =>
            {
                c.pushfd();
                c.or(__dword_ptr[esp], 0x100);
                c.popfd();
                c.nop();
                c.@int(0x80);
                c.nop();
                c.pushfd();
                c.and(__dword_ptr[esp], 0xFFFFFEFF);
                c.popfd();
                c.@int(0x80);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(0x100u, records.First(static r => r[Vector] == 1)[Flags] & 0x100);
        Assert.True(records.Count(static r => r[Vector] == 1) >= 5);
        Assert.Equal(5, records.Count(static r => r[Vector] == 0x80));
    }

    [Fact]
    public void Traps_nest_on_the_kernels_own_stack()
    {
        var scene = new TrapScene
        {
            Gates = { [3] = 0xEF00, [6] = 0xEE00 },
            OnSyscall = static c =>
            {
                c.int3();
                c.@int(6);
                c.int3();
            },
            User = static c => c.@int(0x80),
            ExitsSaved = 10,
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal([0x80u, 3, 6, 3], records[^4..].Select(static r => r[Vector]));
        Assert.All(records[^3..], static r => Assert.Equal(0x61u, r[Cs]));
        Assert.All(records[^3..], r => Assert.Equal(AssembledGuest.TrapStack - 20 - 32 - 12, r[Esp]));
        Assert.Equal(0u, records[^1][Flags] & 0x200);
    }

    [Theory]
    [InlineData(0x40u)]
    [InlineData(0x80u)]
    public void The_second_system_call_vector_is_direct_only_if_it_was_asked_for(uint vector)
    {
        var scene = new TrapScene
        {
            SyscallVector = vector,
            Gates = { [GeneralProtection] = 0x8E00, [0x41] = 0xEE00 },
            Endings = { [GeneralProtection] = static c => c.ShutDown() },
            User = static c => c.@int(0x41),
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal([vector, vector, vector, GeneralProtection], records.Select(static r => r[Vector]));
        Assert.Equal((0x41u << 3) | 2, records[^1][0]);
    }

    [Fact]
    public void What_the_user_has_in_its_flags_comes_back_and_does_not_reach_the_kernel()
    {
        var scene = new TrapScene
        {
            User = static c =>
            {
                // ID, AC, NT, DF and all six arithmetic flags.
                foreach (uint image in new uint[] { 0x200CD7, 0x200000, 0x040000, 0x004000, 0x000400, 0x0008D5 })
                {
                    c.push(image | 2);
                    c.popfd();
                    c.@int(0x80);
                    c.pushfd();
                    c.pop(ebx);
                    c.@int(0x80);
                    c.push(2);
                    c.popfd();
                }
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(15, records.Count);
        Assert.Equal(0x200ED7u, records[3][Flags]);
    }

    [Fact]
    public void The_pushed_interrupt_flag_is_the_guests_own()
    {
        var scene = new TrapScene
        {
            OnControl = static c => c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0),
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(0u, records[3][Flags] & 0x200);
        Assert.Equal(0u, records[4][Flags] & 0x200);
    }

    [Fact]
    public void Page_faults_say_where_and_why()
    {
        var scene = new TrapScene
        {
            Gates = { [PageFault] = 0x8E00 },
            Endings =
            {
                // Log the address as a record of its own would be too much: it goes into the next frame by way of eax.
                [PageFault] = static c =>
                {
                    c.add(esp, 4);
                    c.mov(ebx, __dword_ptr[AssembledGuest.Data + LguestData.Cr2]);
                    c.add(__dword_ptr[esp], 6);
                },
            },
            User = static c =>
            {
                for (uint i = 0; i < 4; i++)
                {
                    c.mov(ecx, 0x00A00000 + 0x1004 * i);
                    c.mov(__dword_ptr[ecx + 0x12345], ebx);
                    c.push(ebx);
                    c.@int(0x80);
                }

                // Reading, and ring 0's page from ring 3.
                c.mov(ebx, __dword_ptr[0x00B00000]);
                c.push(ebx);
                c.cmp(__dword_ptr[AssembledGuest.Data], ebx);
                c.@int(0x80);
            },
            ExitsSaved = 5,
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal([6u, 6, 6, 6, 4, 5], records.Where(static r => r[Vector] == PageFault).Select(static r => r[0]));
    }

    /// <summary>Code in the line of irq_enabled and cr2 is nothing that anyone in his right mind has; but it must not go stale.</summary>
    [Fact]
    public void Code_made_of_the_fault_address_is_noticed_when_that_changes()
    {
        const uint First = 0xC3C39090;
        const uint Second = 0xC3C34290;
        var scene = new TrapScene
        {
            Gates = { [PageFault] = 0x8E00 },
            Endings =
            {
                [PageFault] = static c =>
                {
                    c.add(esp, 4);
                    c.call(AssembledGuest.Data + LguestData.Cr2);
                    c.add(__dword_ptr[esp], 6);
                },
            },
            User = static c =>
            {
                // edx counts what the kernel made of the address: "inc edx" is in the second only. It moves the stack, which shows.
                c.mov(edx, 0);
                foreach (uint address in new[] { First, First, Second, Second, First })
                {
                    c.mov(ecx, address);
                    c.mov(__dword_ptr[ecx + 0x0], 5);
                    c.nop();
                    c.lea(eax, __dword_ptr[esp + edx * 4]);
                    c.xchg(eax, esp);
                    c.@int(0x80);
                    c.xchg(eax, esp);
                }
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(5, records.Count(static r => r[Vector] == PageFault));
        Assert.Equal([0u, 0, 4, 8, 8], records[3..].Where(static r => r[Vector] == 0x80).Select(static r => r[OldEsp] - AssembledGuest.UserStack));
    }

    /// <summary>
    /// Code in irq_enabled itself: "inc edx; ret" becomes "add [eax], al" twice when an interrupt gate clears the word, and that must
    /// be what runs then.
    /// </summary>
    [Fact]
    public void Code_made_of_irq_enabled_is_noticed_when_a_gate_clears_it()
    {
        const uint Scratch = AssembledGuest.Log + 0x20;
        const uint IncEdxAndReturn = 0x9090C342;
        const uint Returns = 0xC3C3C3C3;
        var scene = new TrapScene
        {
            Gates = { [6] = 0xEE00 },
            OnSyscall = static c =>
            {
                c.mov(__dword_ptr[AssembledGuest.Blocked], Returns);
                c.mov(__dword_ptr[AssembledGuest.IrqEnabled], IncEdxAndReturn);
                c.mov(eax, Scratch);
                c.mov(__dword_ptr[eax], 0);
                c.xor(edx, edx);
                c.call(AssembledGuest.IrqEnabled);
                c.@int(6);
                c.mov(eax, Scratch);
                c.call(AssembledGuest.IrqEnabled);

                // Shown by the frame of a trap: above its three words.
                c.push(edx);
                c.push(__dword_ptr[eax]);
                c.@int(6);
                c.add(esp, 8);
            },
            User = static c => c.@int(0x80),
            ExitsSaved = 0,
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.All(records.Where((_, i) => i % 3 == 2), static r => Assert.Equal([2 * (Scratch & 0xFF), 1], r[3..5]));
    }

    [Fact]
    public void A_return_to_segments_that_have_changed_loads_them_anew()
    {
        var scene = new TrapScene
        {
            Gates = { [GeneralProtection] = 0x8E00 },
            Endings = { [GeneralProtection] = static c => c.ShutDown() },
            OnControl = static c => c.Hypercall(HypercallNumbers.LoadGdtEntry, 15, 0xFFFF, 0x00CFF100),
            User = static c =>
            {
                c.@int(0x80);
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, _) = scene.Play();

        // The iret of the control call cannot load a read-only stack.
        Assert.Equal(5, records.Count);
        Assert.Equal(0x78u, records[^1][0]);
    }

    [Fact]
    public void A_return_takes_away_what_the_user_may_not_have()
    {
        var scene = new TrapScene
        {
            OnControl = static c =>
            {
                c.mov(eax, 0x68);
                c.mov(fs, eax);
                c.mov(gs, eax);
            },
            User = static c =>
            {
                c.mov(eax, 0x7B);
                c.mov(fs, eax);
                c.mov(gs, eax);
                c.@int((byte)TrapScene.Control);
                c.mov(eax, fs);
                c.push(eax);
                c.mov(eax, gs);
                c.add(esp, eax);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(AssembledGuest.UserStack - 4, records[^1][OldEsp]);
    }

    /// <summary>Linux keeps DS of ring 3 in the kernel; a kernel that does not must lose it on the way down.</summary>
    [Fact]
    public void A_return_with_a_data_segment_of_the_kernels_takes_that_away_too()
    {
        var scene = new TrapScene
        {
            OnControl = static c =>
            {
                c.mov(eax, 0x68);
                c.mov(ds, eax);
            },
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.mov(eax, ds);
                c.add(esp, eax);
                c.mov(eax, 0x7B);
                c.mov(ds, eax);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(AssembledGuest.UserStack, records[^1][OldEsp]);
    }

    [Fact]
    public void Who_watches_deliveries_sees_all_of_them()
    {
        using var guest = new AssembledGuest();
        var seen = new TrapList();
        guest.Guest.TrapObserver = seen;
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            c.LoadGate(3, 0xEF00);
            c.mov(ecx, 5);
            Label again = c.CreateLabel();
            c.Label(ref again);
            c.int3();
            c.dec(ecx);
            c.jne(again);
            c.ShutDown();
        });
        _ = guest.Place(AssembledGuest.HandlerOf(3), static c => c.iretd());
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(5, seen.Vectors.Count);
    }

    private sealed class TrapList : ITrapObserver
    {
        public List<int> Vectors { get; } = [];

        public void Delivered(in TrapRecord trap) => Vectors.Add(trap.Vector);
    }

    [Fact]
    public void An_interrupt_that_waits_during_the_handler_comes_right_after_its_iret()
    {
        const uint Timer = 32;
        var scene = new TrapScene
        {
            Gates = { [Timer] = 0x8E00 },
            OnSyscall = static c =>
            {
                Label skip = c.CreateLabel();
                Label wait = c.CreateLabel();

                // Only when the user says so: edi at pushad, the first word.
                c.cmp(__dword_ptr[esp], 0x77);
                c.jne(skip);
                c.Hypercall(HypercallNumbers.SetClockevent, 1);
                c.Label(ref wait);
                c.cmp(__dword_ptr[AssembledGuest.IrqPending], 0);
                c.je(wait);
                c.Label(ref skip);
                c.nop();
            },
            User = static c =>
            {
                c.mov(edi, 0x77);
                c.@int(0x80);
                c.nop();
                c.mov(edi, 0);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal([0x80u, 0x80, 0x80, 0x80, Timer, 0x80], records.Select(static r => r[Vector]));
        Assert.Equal(records[3][Eip], records[4][Eip]);
        Assert.Equal(0x73u, records[4][Cs]);
        Assert.Equal(AssembledGuest.TrapStack - 20, records[4][Esp]);
    }
}
