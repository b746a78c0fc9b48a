using Lguest.Jit.Switcher.Tests.EndToEnd;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Switcher.Tests.Direct.Recorded;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>Edges of entering a handler without the Switcher: where a frame may lie, which gates are for faults only, what the segments must be like.</summary>
public sealed class DirectEntryTests
{
    /// <summary>Frames of all sizes on all sides of a page boundary behind which lies another frame than one would think.</summary>
    [Theory]
    [InlineData(0u)]
    [InlineData(4u)]
    [InlineData(8u)]
    [InlineData(12u)]
    [InlineData(16u)]
    [InlineData(20u)]
    [InlineData(24u)]
    [InlineData(52u)]
    [InlineData(56u)]
    [InlineData(60u)]
    [InlineData(64u)]
    [InlineData(68u)]
    public void Frames_may_cross_into_a_page_that_lies_elsewhere_at_any_of_their_words(uint above)
    {
        const uint Boundary = AssembledGuest.TrapStack - 0x1000;
        const uint Elsewhere = 0x00250000;
        var scene = new TrapScene
        {
            Gates = { [PageFault] = 0x8E00, [6] = 0xEE00 },
            Endings =
            {
                [PageFault] = static c =>
                {
                    c.add(esp, 4);
                    c.add(__dword_ptr[esp], 6);
                },
            },
            OnControl = c =>
            {
                c.mov(__dword_ptr[GuestCode.Pte(Boundary - 0x1000)], Elsewhere | 3);
                c.Hypercall(HypercallNumbers.SetPte, AssembledGuest.PageDirectory, Boundary - 0x1000, 0);

                // Both pages are warm.
                c.mov(__dword_ptr[Boundary - 0x800], 1);
                c.mov(__dword_ptr[Boundary + 0x800], 1);
                c.Hypercall(HypercallNumbers.SetStack, 0x69, Boundary + above, 1);
            },
            OnBoot = static c => c.Hypercall(HypercallNumbers.LoadGdtEntry, 21, 0xFFFF, 0x00CFF200),
            OnSyscall = static c =>
            {
                // In the kernel as well: nested frames of three words at this depth and the next, and of four. The flags in them are other ones
                // each time, as are the user's esp and ss, so that no word that an older frame has left there could be taken for a new one.
                c.cmp(ecx, 1);
                c.@int(6);
                c.pushfd();
                c.cmp(ecx, 2);
                c.@int(6);
                c.add(esp, 4);
                c.cmp(ecx, 0);
                c.mov(__dword_ptr[0x00A00000], ecx);
                c.push(ecx);
                c.cmp(ecx, 1);
                c.mov(__dword_ptr[0x00A00000], ecx);
                c.pop(ecx);
            },
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                for (uint i = 0; i < 3; i++)
                {
                    c.mov(ecx, i);
                    c.push(ecx);
                    c.@int(0x80);
                    c.mov(eax, 0xAB);
                    c.mov(ss, eax);
                    c.mov(__dword_ptr[0x00A00000], ecx);
                    c.mov(eax, 0x7B);
                    c.mov(ss, eax);
                }
            },
            ExitsSaved = 0,
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(3 * 3 + 2 * 3, records.Count(static r => r[Vector] == PageFault));
        Assert.Equal(Boundary + above - 24, records[^1][Esp]);
    }

    [Theory]
    [InlineData(14)]
    [InlineData(13)]
    [InlineData(7)]
    public void Gates_of_faults_that_may_be_the_hosts_are_not_for_int_whatever_their_privilege(int vector)
    {
        var scene = new TrapScene
        {
            Gates = { [(uint)vector] = 0xEF00, [GeneralProtection] = 0xEF00 },
            Endings = { [GeneralProtection] = static c => c.ShutDown() },
            User = c => c.@int((byte)vector),
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(GeneralProtection, records[^1][Vector]);
        Assert.Equal(((uint)vector << 3) | 2, records[^1][0]);
    }

    [Fact]
    public void The_kernels_port_accesses_are_not_its_general_protection_faults()
    {
        var scene = new TrapScene
        {
            Gates = { [GeneralProtection] = 0x8E00 },
            OnSyscall = static c =>
            {
                c.mov(edx, 0x80);
                c.@in(al, dx);
            },
            User = static c => c.@int(0x80),
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.DoesNotContain(records, static r => r[Vector] == GeneralProtection);
    }

    [Fact]
    public void A_general_protection_fault_of_the_kernels_own_arrives()
    {
        var scene = new TrapScene
        {
            Gates = { [GeneralProtection] = 0x8E00 },
            Endings =
            {
                [GeneralProtection] = static c =>
                {
                    c.add(esp, 4);
                    c.inc(__dword_ptr[esp]);
                },
            },
            OnSyscall = static c => c.hlt(),
            User = static c => c.@int(0x80),
            ExitsSaved = 0,
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(4, records.Count(static r => r[Vector] == GeneralProtection));
    }

    /// <summary>Code at a base, or of 16 bits, is nothing that the quick way knows; a limit counts.</summary>
    [Theory]
    [InlineData(0x0000FFFFu, 0x00CF9A01u, 0x10000u, false)]
    [InlineData(0x8000FFFFu, 0x00CF9A00u, 0x8000u, false)]
    [InlineData(0x0000FFFFu, 0x00CF9A01u, 0x10000u, true)]
    [InlineData(0x8000FFFFu, 0x00CF9A00u, 0x8000u, true)]
    public void A_kernel_code_segment_with_a_base_begins_there(uint low, uint high, uint distance, bool fault)
    {
        uint vector = fault ? InvalidOpcode : TrapScene.Syscall;
        var scene = new TrapScene
        {
            Gates = { [InvalidOpcode] = 0x8E00 },
            Endings = { [InvalidOpcode] = static c => c.add(__dword_ptr[esp], 2) },
            OnControl = c => c.Hypercall(HypercallNumbers.LoadGdtEntry, 12, low, high),
            User = c =>
            {
                c.ud2();
                c.@int((byte)TrapScene.Control);
                if (fault)
                {
                    c.ud2();
                }
                else
                {
                    c.@int(0x80);
                }
            },
            Extra = guest =>
            {
                guest.SetMessage("the end");
                _ = guest.Place(AssembledGuest.HandlerOf(vector) + distance, static c =>
                {
                    c.mov(__dword_ptr[AssembledGuest.Log], 0);
                    c.ShutDown();
                });
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Empty(records);
    }

    [Fact]
    public void A_kernel_code_segment_that_ends_before_the_handler_faults()
    {
        var scene = new TrapScene
        {
            OnControl = static c => c.Hypercall(HypercallNumbers.LoadGdtEntry, 12, 0x00000010, 0x00C09A00),
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal(3, records.Count);
        Assert.NotEqual("CRASH: the end", end);
    }

    [Theory]
    [InlineData(0x0000FFFFu, 0x00CF1200u)]
    [InlineData(0x0000FFFFu, 0x00CFF200u)]
    [InlineData(0x0000FFFFu, 0x00CFBA00u)]
    public void A_kernel_stack_that_is_none_for_ring_1_kills(uint low, uint high)
    {
        var scene = new TrapScene
        {
            OnControl = c =>
            {
                c.Hypercall(HypercallNumbers.LoadGdtEntry, 20, low, high);
                c.Hypercall(HypercallNumbers.SetStack, 0xA1, AssembledGuest.TrapStack, 1);
            },
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

    /// <summary>The frame has to lie where the segment says, which is seen through DS.</summary>
    [Fact]
    public void A_kernel_stack_with_a_base_begins_there()
    {
        const uint Base = 0x10000;
        var scene = new TrapScene
        {
            OnControl = static c =>
            {
                c.Hypercall(HypercallNumbers.LoadGdtEntry, 20, 0x0000FFFF, 0x00CF9201);
                c.Hypercall(HypercallNumbers.SetStack, 0xA1, AssembledGuest.TrapStack - Base, 1);
                c.mov(__dword_ptr[AssembledGuest.TrapStack - Base - 20], 0);
            },
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);

                // Had the first one taught anybody that this stack is flat, the second would lie elsewhere.
                c.push(0x1234);
                c.@int(0x80);
            },
            Gates = { [6] = 0xEE00 },
            OnSyscall = static c =>
            {
                c.mov(eax, __dword_ptr[AssembledGuest.TrapStack - 8]);
                c.push(eax);
                c.@int(6);
                c.pop(eax);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);

        // The user's esp, in the word that TrapStack − 8 is of a frame at the base.
        Assert.Equal(AssembledGuest.UserStack - 4, records[^1][3]);
    }

    /// <summary>Code of 16 bits, entered by a fault: what the handler's bytes mean there is something else.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_kernel_code_segment_of_16_bits_runs_16_bit_code(bool fault)
    {
        var scene = new TrapScene
        {
            Gates = { [InvalidOpcode] = 0x8E00 },
            Endings = { [InvalidOpcode] = static c => c.add(__dword_ptr[esp], 2) },
            OnControl = static c => c.Hypercall(HypercallNumbers.LoadGdtEntry, 12, 0x0000FFFF, 0x008F9A00),
            User = c =>
            {
                c.ud2();
                c.@int((byte)TrapScene.Control);
                if (fault)
                {
                    c.ud2();
                }
                else
                {
                    c.@int(0x80);
                }
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal(4, records.Count);
        Assert.NotEqual("CRASH: the end", end);
    }
}
