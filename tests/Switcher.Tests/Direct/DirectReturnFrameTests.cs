using Iced.Intel;
using Lguest.Jit.Switcher.Tests.EndToEnd;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Switcher.Tests.Direct.Recorded;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>What an <c>iret</c> without the Switcher reads: frames across two pages, selectors that are nearly the known ones, AC.</summary>
public sealed class DirectReturnFrameTests
{
    private const uint Boundary = AssembledGuest.TrapStack - 0x1000;

    /// <summary>Where the page below the boundary really lies. Behind it, in physical memory, is what nobody may take for the stack.</summary>
    private const uint Elsewhere = 0x00250000;

    /// <summary>All arithmetic flags, DF and ID: no program here has those.</summary>
    private const uint WrongFlags = 0x200ED7;

    /// <summary>ID, OF, DF, SF, AF and CF: those of <see cref="WrongFlags"/> that are clear wherever we look.</summary>
    private const uint TellTale = 0x200C91;

    /// <summary>The frame under what pushad has pushed.</summary>
    private const int FrameEip = 32;

    /// <summary>The words that lie above the boundary are found there, and not behind the page that the frame begins in.</summary>
    [Theory]
    [InlineData(4u, new uint[] { 0x7B })]
    [InlineData(8u, new uint[] { AssembledGuest.UserStack - 0x100, 0x7B })]
    [InlineData(12u, new uint[] { WrongFlags, AssembledGuest.UserStack - 0x100, 0x7B })]
    [InlineData(16u, new uint[] { 0x73, WrongFlags, AssembledGuest.UserStack - 0x100, 0x7B })]
    public void A_frame_of_the_users_is_popped_across_pages(uint above, uint[] decoy)
    {
        (List<uint[]> records, string end) = Scene(above, decoy, static _ => { }).Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal([0u, 4, 8], records[3..].Select(static r => AssembledGuest.UserStack - r[OldEsp]));
        Assert.All(records[3..], static r => Assert.Equal(0u, r[Flags] & TellTale));
    }

    /// <summary>The same for the three words of the kernel's own, which lie below the user's frame and eight registers.</summary>
    [Theory]
    [InlineData(4u, new uint[] { WrongFlags })]
    [InlineData(8u, new uint[] { 0x61, WrongFlags })]
    public void A_frame_of_the_kernels_is_popped_across_pages(uint above, uint[] decoy)
    {
        const uint UserFrameAndRegisters = 20 + 32;
        (List<uint[]> records, string end) = Scene(
            above + UserFrameAndRegisters,
            decoy,
            static c =>
            {
                c.cmp(esp, 0);
                c.@int(6);
                c.pushfd();
                c.cmp(esp, 0);
                c.@int(6);
                c.add(esp, 4);
            }).Play();
        Assert.Equal("CRASH: the end", end);
        uint[][] second = [.. records.Where(static r => r[Vector] == 6).Where(static (_, i) => i % 2 == 1)];
        Assert.Equal(6, second.Length);

        // What pushfd has pushed behind the first of the two.
        Assert.All(second, static r => Assert.Equal(0u, r[3] & TellTale));
    }

    /// <summary>Another selector with the very descriptor of the known one is loaded, and seen.</summary>
    [Fact]
    public void A_code_selector_of_the_same_descriptor_is_the_one_that_is_loaded()
    {
        var scene = new TrapScene
        {
            OnBoot = static c => c.Hypercall(HypercallNumbers.LoadGdtEntry, 21, 0xFFFF, 0x00CFFA00),
            OnControl = static c => c.mov(__dword_ptr[esp + FrameEip + 4], 0xAB),
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal([0x73u, 0x73, 0x73, 0xAB, 0xAB], records.Select(static r => r[Cs]));
    }

    /// <summary>There is no LDT, whatever stands at the same place of the GDT.</summary>
    [Theory]
    [InlineData(4, 0x77u, 0x74u)]
    [InlineData(16, 0x7Fu, 0x7Cu)]
    public void A_selector_of_an_LDT_is_a_fault(int offset, uint selector, uint error)
    {
        var scene = new TrapScene
        {
            Gates = { [GeneralProtection] = 0x8E00 },
            Endings = { [GeneralProtection] = static c => c.ShutDown() },
            OnControl = c => c.mov(__dword_ptr[esp + FrameEip + offset], selector),
            User = static c => c.@int((byte)TrapScene.Control),
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal((GeneralProtection, error, 0x61u), (records[^1][Vector], records[^1][0], records[^1][2]));
    }

    /// <summary>AC in an image has the user's accesses checked from the first on, and an image without it ends that.</summary>
    [Fact]
    public void Alignment_is_checked_from_the_image_that_says_so_to_the_one_that_does_not()
    {
        const uint AlignmentCheck = 17;
        const uint Misaligned = AssembledGuest.UserCode + 0x801;
        var scene = new TrapScene
        {
            Gates = { [AlignmentCheck] = 0x8E00 },
            Endings =
            {
                [AlignmentCheck] = static c =>
                {
                    c.add(esp, 4);
                    c.and(__dword_ptr[esp + 8], ~0x40000);
                },
            },
            OnControl = static c => c.or(__dword_ptr[esp + FrameEip + 8], 0x40000),
            User = static c =>
            {
                for (int i = 0; i < 3; i++)
                {
                    c.@int((byte)TrapScene.Control);
                    c.mov(eax, __dword_ptr[Misaligned + 3]);
                    c.mov(eax, __dword_ptr[Misaligned]);
                    c.mov(eax, __dword_ptr[Misaligned + 1]);
                    c.@int(0x80);
                }
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal([AlignmentCheck, 0x80u, AlignmentCheck, 0x80, AlignmentCheck, 0x80], records[3..].Select(static r => r[Vector]));
        uint[][] faults = [.. records.Where(static r => r[Vector] == AlignmentCheck)];
        Assert.All(faults, static r => Assert.Equal((0u, 0x73u, 0x40000u), (r[0], r[2], r[3] & 0x40000)));
        Assert.All(records.Where(static r => r[Vector] == 0x80), static r => Assert.Equal(0u, r[Flags] & 0x40000));
    }

    private static TrapScene Scene(uint above, uint[] decoy, Action<Assembler> onSyscall) => new()
    {
        Gates = { [6] = 0xEE00 },
        OnControl = c =>
        {
            c.mov(__dword_ptr[GuestCode.Pte(Boundary - 0x1000)], Elsewhere | 3);
            c.Hypercall(HypercallNumbers.SetPte, AssembledGuest.PageDirectory, Boundary - 0x1000, 0);
            for (int i = 0; i < decoy.Length; i++)
            {
                c.mov(__dword_ptr[Elsewhere + 0x1000 + 4 * i], decoy[i]);
            }

            // Both pages are warm.
            c.mov(__dword_ptr[Boundary - 0x800], 1);
            c.mov(__dword_ptr[Boundary + 0x800], 1);
            c.Hypercall(HypercallNumbers.SetStack, 0x69, Boundary + above, 1);
        },
        OnSyscall = onSyscall,
        User = static c =>
        {
            c.@int((byte)TrapScene.Control);
            for (uint i = 0; i < 3; i++)
            {
                c.@int(0x80);
                c.push(i);
            }
        },
        ExitsSaved = 0,
    };
}
