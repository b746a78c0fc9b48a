using Iced.Intel;
using Lguest.Jit.Switcher.Tests.EndToEnd;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Switcher.Tests.Direct.Recorded;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>What an <c>iret</c> without the Switcher must not forget. The returns of the first system calls have made it warm.</summary>
public sealed class DirectReturnTests
{
    /// <summary>The frame of <c>int 5</c> under what pushad has pushed.</summary>
    private const int FrameEip = 32;
    private const int FrameFlags = FrameEip + 8;
    private const int FrameSs = FrameEip + 16;

    [Fact]
    public void With_NT_set_it_is_a_fault()
    {
        uint[] last = PlayToFault(InvalidTss, static c => SetFlags(c, 0x4000));
        Assert.Equal(0u, last[0]);
        Assert.Equal(0x61u, last[2]);
    }

    [Theory]
    [InlineData(0x4000u)]
    [InlineData(0x40000u)]
    [InlineData(0x200000u)]
    [InlineData(0x400u)]
    [InlineData(0x8D5u)]
    public void Flags_of_the_image_arrive(uint flags)
    {
        var scene = new TrapScene
        {
            OnControl = c => c.or(__dword_ptr[esp + FrameFlags], flags),
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
                c.push(2);
                c.popfd();
            },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(flags, records[^1][Flags] & flags);
    }

    /// <summary>INC changes the other five, and keeps the carry of whoever came before: here, of the frame.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_carry_of_the_image_outlives_an_increment(bool carry)
    {
        var scene = new TrapScene
        {
            OnControl = c =>
            {
                c.and(__dword_ptr[esp + FrameFlags], ~0x8D5);
                c.or(__dword_ptr[esp + FrameFlags], carry ? 0x801 : 0x8D4);
            },
            User = static c =>
            {
                c.mov(ecx, 0xFFFFFFFF);
                c.@int((byte)TrapScene.Control);
                c.inc(ecx);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(carry ? 0x55u : 0x54u, records[^1][Flags] & 0x8D5);
    }

    [Fact]
    public void A_trap_flag_in_the_image_steps_the_user()
    {
        var scene = new TrapScene
        {
            Gates = { [Debug] = 0x8E00 },
            Endings = { [Debug] = static c => c.and(__dword_ptr[esp + 8], ~0x100) },
            OnControl = static c => c.or(__dword_ptr[esp + FrameFlags], 0x100),
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.nop();
                c.nop();
                c.@int(0x80);
            },
        };
        (List<uint[]> records, _) = scene.Play();
        uint[] step = Assert.Single(records, static r => r[Vector] == Debug);
        Assert.Equal(0x73u, step[1]);
        Assert.Equal(0x100u, step[Flags] & 0x100);
    }

    [Fact]
    public void A_single_stepped_return_takes_the_flags_of_its_image()
    {
        var scene = new TrapScene
        {
            Gates = { [Debug] = 0x8E00 },
            OnControl = static c => SetFlags(c, 0x100),
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.nop();
                c.nop();
                c.@int(0x80);
            },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(0u, records[^1][Flags] & 0x100);

        // Behind popad, and behind the iret: that of the step before, in the user's code.
        Assert.Equal(0x61u, records.First(static r => r[Vector] == Debug)[1]);
    }

    [Theory]
    [InlineData(0x00CF7A00u, SegmentNotPresent, 0x70u)]
    [InlineData(0x00CFF200u, GeneralProtection, 0x70u)]
    [InlineData(0x00CFBA00u, GeneralProtection, 0x70u)]
    [InlineData(0x0040FA00u, GeneralProtection, 0u)]
    public void A_code_segment_whose_descriptor_has_changed_is_looked_at(uint high, uint vector, uint error)
    {
        uint[] last = PlayToFault(vector, c => c.Hypercall(HypercallNumbers.LoadGdtEntry, 14, 0xFFFF, high));
        Assert.Equal(error, last[0]);
        Assert.Equal(0x61u, last[2]);
    }

    [Theory]
    [InlineData(0x73u, 0x70u)]
    [InlineData(0x69u, 0x68u)]
    [InlineData(0x00u, 0x00u)]
    public void Another_stack_selector_is_looked_at(uint selector, uint error)
    {
        uint[] last = PlayToFault(GeneralProtection, c => c.mov(__dword_ptr[esp + FrameSs], selector));
        Assert.Equal(error, last[0]);
        Assert.Equal(0x61u, last[2]);
    }

    [Theory]
    [InlineData(0x72u, 0x70u)]
    [InlineData(0x70u, 0x70u)]
    [InlineData(0x7Bu, 0x78u)]
    [InlineData(0x60u, 0x60u)]
    [InlineData(0x00u, 0x00u)]
    public void Another_code_selector_is_looked_at(uint selector, uint error)
    {
        uint[] last = PlayToFault(GeneralProtection, c => c.mov(__dword_ptr[esp + FrameEip + 4], selector));
        Assert.Equal(error, last[0]);
    }

    [Fact]
    public void The_upper_halves_of_selectors_do_not_count()
    {
        var scene = new TrapScene
        {
            OnControl = static c =>
            {
                c.or(__dword_ptr[esp + FrameEip + 4], 0xABCD0000);
                c.or(__dword_ptr[esp + FrameSs], 0x12340000);
            },
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(0x73u, records[^1][1]);
    }

    [Fact]
    public void A_return_within_the_kernel_looks_at_its_descriptor_too()
    {
        var scene = new TrapScene
        {
            Gates = { [6] = 0xEE00 },
            Endings =
            {
                [6] = static c =>
                {
                    Label skip = c.CreateLabel();
                    c.cmp(edi, 0x77);
                    c.jne(skip);
                    c.Hypercall(HypercallNumbers.LoadGdtEntry, 12, 0xFFFF, 0x00CF3A00);
                    c.Label(ref skip);
                    c.nop();
                },
            },
            OnSyscall = static c => c.@int(6),
            User = static c =>
            {
                c.mov(edi, 0x77);
                c.@int(0x80);
            },
        };
        (_, string end) = scene.Play();
        Assert.StartsWith("unhandled trap 11", end, StringComparison.Ordinal);
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
                c.add(esp, eax);
                c.mov(eax, gs);
                c.add(esp, eax);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(AssembledGuest.UserStack, records[^1][OldEsp]);
    }

    /// <summary>Linux keeps DS and ES of ring 3 in the kernel; a kernel that does not must lose them on the way down, each by itself.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Data_segments_of_the_kernels_are_taken_away(bool extra)
    {
        AssemblerRegisterSegment segment = extra ? es : ds;
        var scene = new TrapScene
        {
            OnControl = c =>
            {
                c.mov(eax, 0x68);
                c.mov(segment, eax);
            },
            User = c =>
            {
                c.@int((byte)TrapScene.Control);
                c.mov(eax, segment);
                c.add(esp, eax);
                c.mov(eax, 0x7B);
                c.mov(segment, eax);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(AssembledGuest.UserStack, records[^1][OldEsp]);
    }

    [Fact]
    public void A_frame_on_a_page_that_has_gone_is_a_page_fault()
    {
        const uint Away = 0x00260000;
        var scene = new TrapScene
        {
            Gates = { [14] = 0x8E00 },
            Endings = { [14] = static c => c.ShutDown() },
            OnControl = static c =>
            {
                // The page is warm, and then it goes. The handler of the fault needs another stack: it has that of the fault, so esp
                // is brought to the last word of the page before, from which the frame is popped across the boundary.
                c.mov(__dword_ptr[GuestCode.Pte(Away)], Away | 3);
                c.Hypercall(HypercallNumbers.SetPte, AssembledGuest.PageDirectory, Away, 0);
                c.mov(__dword_ptr[Away], 1);
                c.mov(__dword_ptr[GuestCode.Pte(Away)], 0);
                c.Hypercall(HypercallNumbers.SetPte, AssembledGuest.PageDirectory, Away, 0);
                c.mov(esp, Away - 4);
                c.iretd();
            },
            User = static c => c.@int((byte)TrapScene.Control),
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal((14u, 0u), (records[^1][Vector], records[^1][0]));
    }

    /// <summary>The quick way back is to a flat program. One whose code begins elsewhere is brought to where it begins, each time.</summary>
    [Fact]
    public void A_program_whose_code_segment_has_a_base_is_returned_to_at_its_base()
    {
        const uint Base = 0x8000;
        const uint Sled = 64;
        var scene = new TrapScene
        {
            OnBoot = static c => c.or(__dword_ptr[GuestCode.Pte(AssembledGuest.UserCode + Base)], 4),
            OnControl = static c => c.Hypercall(HypercallNumbers.LoadGdtEntry, 14, 0xFFFF | (Base << 16), 0x00CFFA00),
            User = static c => c.@int((byte)TrapScene.Control),
            Extra = static guest => _ = guest.Place(AssembledGuest.UserCode + Base, static c =>
            {
                for (uint i = 0; i < Sled; i++)
                {
                    c.nop();
                }

                for (uint i = 0; i < 4; i++)
                {
                    c.@int(0x80);
                    c.push(i);
                }

                c.@int((byte)TrapScene.Finish);
            }),
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(7, records.Count);
        Assert.Equal([0u, 4, 8, 12], records[3..].Select(static r => AssembledGuest.UserStack - r[OldEsp]));
    }

    /// <summary>The same for a stack: pushes go to where the segment begins, after each return.</summary>
    [Fact]
    public void A_program_whose_stack_segment_has_a_base_is_returned_to_with_it()
    {
        const uint Base = 0x8000;
        const uint Seen = 0x100;
        var scene = new TrapScene
        {
            OnControl = static c =>
            {
                c.sub(__dword_ptr[esp + FrameEip + 12], Base);
                c.Hypercall(HypercallNumbers.LoadGdtEntry, 15, 0xFFFF | (Base << 16), 0x00CFF200);
            },
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                for (uint i = 1; i < 4; i++)
                {
                    c.@int(0x80);
                    c.push(Seen * i);
                    c.mov(eax, __dword_ptr[AssembledGuest.UserStack - 4]);
                    c.add(esp, eax);
                    c.@int(0x80);
                    c.sub(esp, eax);
                    c.pop(eax);
                }
            },
            ExitsSaved = 0,
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(
            [Seen, 2 * Seen, 3 * Seen],
            records[3..].Where(static (_, i) => i % 2 == 1).Select(static r => r[OldEsp] - (AssembledGuest.UserStack - Base - 4)));
    }

    /// <summary>Plays a scene in which the return of <c>int 5</c> faults; the record of the fault.</summary>
    private static uint[] PlayToFault(uint vector, Action<Assembler> onControl)
    {
        var scene = new TrapScene
        {
            Gates = { [vector] = 0x8E00 },
            Endings = { [vector] = static c => c.ShutDown() },
            OnControl = onControl,
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(vector, records[^1][Vector]);
        return records[^1];
    }

    private static void SetFlags(Assembler c, uint flags)
    {
        c.pushfd();
        c.or(__dword_ptr[esp], flags);
        c.popfd();
    }
}
