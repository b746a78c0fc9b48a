namespace Lguest.Jit.Core.Execution;

/// <summary>The hypercalls that come often and do little, made from inside an engine's run: a call, not an exit.</summary>
internal interface IQuickHypercalls
{
    /// <summary>
    /// Makes the hypercall in the registers, ring first, as an exit would. Eip is past the instruction, which has been counted.
    /// </summary>
    /// <returns>False: the Switcher has something to do, leave at once.</returns>
    bool Make();
}
