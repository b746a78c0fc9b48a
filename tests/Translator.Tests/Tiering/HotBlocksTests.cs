using System.Runtime.InteropServices;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Tiering;

namespace Lguest.Jit.Translator.Tests.Tiering;

/// <summary>Who is compiled next, of those that wait.</summary>
public sealed unsafe class HotBlocksTests : IDisposable
{
    private const uint Threshold = 400;

    private readonly HotBlocks _hot = new();
    private readonly List<nint> _memory = [];

    [Fact]
    public void TheHottestIsFirst()
    {
        nint lukewarm = Block();
        nint hottest = Block();
        nint hot = Block();
        Heat(lukewarm, 1);
        Heat(hottest, 4);
        Heat(hot, 2);
        Assert.Equal([hottest, hot, lukewarm, 0], [Take(), Take(), Take(), Take()]);
        Assert.Equal(0, _hot.Count);
    }

    [Fact]
    public void ManyOfOneModeAreACrowdUntilEnoughHaveLeft()
    {
        for (int i = 0; i < 64; i++)
        {
            Assert.False(_hot.IsCrowd(CpuMode.User));
            nint block = Block();
            Heat(block, 1);

            // Hotter, but still one.
            Heat(block, 1);
        }

        Assert.True(_hot.IsCrowd(CpuMode.User));
        Assert.False(_hot.IsCrowd(default));
        Assert.NotEqual(0, Take());
        Assert.False(_hot.IsCrowd(CpuMode.User));
        Heat(Block(), 1);
        Assert.True(_hot.IsCrowd(CpuMode.User));
        _hot.Clear();
        Assert.False(_hot.IsCrowd(CpuMode.User));
    }

    [Fact]
    public void EachIsTakenOnceHoweverOftenItHasBecomeHotter()
    {
        nint block = Block();
        Heat(block, 5);
        Assert.Equal(block, Take());
        Assert.Equal(0, Take());
    }

    [Fact]
    public void ThoseThatAreNotMappedLetOthersPassInTheEnd()
    {
        HashSet<nint> elsewhere = [.. Enumerable.Range(0, 40).Select(_ => Block())];
        foreach (nint block in elsewhere)
        {
            Heat(block, 1);
        }

        nint here = Block();
        Heat(here, 1);
        nint found = 0;
        for (int i = 0; i < 4 && found == 0; i++)
        {
            found = (nint)_hot.TakeHottest(CpuMode.User, block => !elsewhere.Contains(block));
        }

        Assert.Equal(here, found);
        Assert.Equal(elsewhere.Count, _hot.Count);
        Assert.Contains(Take(), elsewhere);
    }

    [Fact]
    public void OneThatIsNoLongerValidIsForgotten()
    {
        nint gone = Block();
        Heat(gone, 3);
        ((GuestBlock*)gone)->Valid = false;
        nint other = Block();
        Heat(other, 1);
        Assert.Equal(other, Take());
        Assert.Equal(0, _hot.Count);
    }

    [Fact]
    public void KernelAndProgramsWaitApart()
    {
        nint program = Block();
        Heat(program, 1);
        Assert.Equal(0, (nint)_hot.TakeHottest(default, static _ => true));
        Assert.Equal(0u, _hot.Hottest(default));
        Assert.InRange(_hot.Hottest(CpuMode.User), Threshold, 2 * Threshold);
    }

    public void Dispose()
    {
        foreach (nint memory in _memory)
        {
            NativeMemory.Free((void*)memory);
        }
    }

    private nint Take() => (nint)_hot.TakeHottest(CpuMode.User, static _ => true);

    private void Heat(nint block, int times)
    {
        for (int i = 0; i < times; i++)
        {
            _hot.Heat((GuestBlock*)block, Threshold);
        }
    }

    private nint Block()
    {
        var block = (GuestBlock*)NativeMemory.AllocZeroed((nuint)(sizeof(GuestBlock) + sizeof(Op)));
        block->Head = (Op*)(block + 1);
        block->Mode = CpuMode.User;
        block->Valid = true;
        _memory.Add((nint)block);
        return (nint)block;
    }
}
