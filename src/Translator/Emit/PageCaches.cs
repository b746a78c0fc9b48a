using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Translator.Emit;

/// <summary>Which accesses of a region are likely to meet the same page as each other: those off the same register, for the same purpose.</summary>
/// <param name="Anchor">Number of the base register; 8 + number of the index register if there is no base; −1 − page of an absolute address.</param>
/// <param name="Write">For stores (and read-modify-writes); the stack has one class for all.</param>
internal readonly record struct AccessClass(int Anchor, bool Write)
{
    /// <summary>The class of pushes, pops, and whatever is addressed off ESP.</summary>
    public static AccessClass Stack { get; } = new(Reg.Esp, Write: true);

    public bool IsStack => Anchor == Reg.Esp;

    public static AccessClass Of(in Instruction i, bool write)
    {
        if (i.MemoryBase == Register.ESP)
        {
            return Stack;
        }

        int anchor = i.MemoryBase != Register.None ? RegionContext.RegisterNumber(i.MemoryBase)
            : i.MemoryIndex != Register.None ? 8 + RegionContext.RegisterNumber(i.MemoryIndex)
            : -1 - (int)(i.MemoryDisplacement32 >> 12);
        return new AccessClass(anchor, write);
    }
}

/// <summary>
/// The page that the accesses of one class met last, in two IL locals: where it starts in Guest-virtual memory, and what to
/// add to get to the Host. While the next access stays in that page it costs a subtraction and a comparison, and its
/// address does not wait for a look-up in the soft TLB.
/// </summary>
/// <remarks>Valid for as long as the method runs: nothing that takes entries out of the soft TLB happens without leaving it.</remarks>
internal sealed class PageCache(AccessClass accesses, LocalBuilder start, LocalBuilder bias, nint countdown)
{
    /// <summary>A start that no 32-bit address is near.</summary>
    public const long NoPage = 1L << 40;

    public AccessClass Class { get; } = accesses;

    /// <summary>Guest-virtual address of the page (64 bits), or <see cref="NoPage"/>.</summary>
    public LocalBuilder Start { get; } = start;

    /// <summary>The soft TLB's entry: Host address minus Guest address.</summary>
    public LocalBuilder Bias { get; } = bias;

    /// <summary>Host address of the misses left until the engine is asked to look; 0 if it has looked already, and this cache is a scattered one.</summary>
    public nint Countdown { get; } = countdown;

    /// <summary>
    /// The accesses meet another page whenever their register gets another value. So the first one afterwards asks the soft TLB at
    /// once, instead of finding out by a branch that nobody can predict; those that follow it find its page here.
    /// </summary>
    public bool IsScattered => Countdown == 0;

    /// <summary>With a scattered cache: the register has not changed since the last access, in this block.</summary>
    public bool IsFresh { get; set; }
}

/// <summary>The page caches of one region: chosen before emission by what the instructions of its loops access.</summary>
internal sealed class PageCaches
{
    /// <summary>More would only push each other out of the Host's registers.</summary>
    private const int Maximum = 12;

    private readonly Dictionary<AccessClass, int> _sites = [];

    public Dictionary<AccessClass, PageCache> Chosen { get; } = [];

    /// <summary>Counts one access.</summary>
    public void Add(AccessClass accesses) => _sites[accesses] = _sites.GetValueOrDefault(accesses) + 1;

    /// <summary>Counts the accesses of an instruction.</summary>
    public void Count(in Instruction i)
    {
        if (i.Mnemonic is Mnemonic.Push or Mnemonic.Pop or Mnemonic.Call or Mnemonic.Ret)
        {
            Add(AccessClass.Stack);
        }

        if (i.Mnemonic == Mnemonic.Leave)
        {
            Add(new AccessClass(Reg.Ebp, Write: false));
        }

        for (int k = 0; k < i.OpCount; k++)
        {
            if (i.GetOpKind(k) == OpKind.Memory && i.Mnemonic is not (Mnemonic.Lea or Mnemonic.Nop))
            {
                bool write = k == 0 && i.Mnemonic is not (Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Push or Mnemonic.Call or Mnemonic.Jmp
                    or Mnemonic.Mul or Mnemonic.Div or Mnemonic.Idiv or Mnemonic.Imul or Mnemonic.Bt or Mnemonic.Fldcw);
                Add(AccessClass.Of(i, write));
            }
        }
    }

    /// <summary>Declares locals for the classes that are worth it.</summary>
    /// <param name="il">Where.</param>
    /// <param name="scattered">Classes that were seen to change their page all the time.</param>
    /// <param name="countdown">Makes a countdown for the n-th cache.</param>
    public void Choose(ILGenerator il, IReadOnlySet<AccessClass> scattered, Func<AccessClass, nint> countdown)
    {
        foreach ((AccessClass accesses, _) in _sites.OrderByDescending(static s => s.Value).Take(Maximum))
        {
            nint counter = scattered.Contains(accesses) ? 0 : countdown(accesses);
            Chosen.Add(accesses, new PageCache(accesses, il.DeclareLocal(typeof(long)), il.DeclareLocal(typeof(ulong)), counter));
        }
    }

    /// <summary>A register has got another value (null: or we have come here from elsewhere).</summary>
    public void Changed(int? register)
    {
        foreach (PageCache cache in Chosen.Values)
        {
            if (register == null || cache.Class.Anchor == register || cache.Class.Anchor == 8 + register)
            {
                cache.IsFresh = false;
            }
        }
    }
}
